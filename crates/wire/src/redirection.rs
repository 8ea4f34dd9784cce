//! Server Redirection (MS-RDPBCGR 2.2.13.1): a broker names the host that has the session.

use rdpdoctor_model::Fact;

use crate::reader::Reader;

/// What a client needs to follow it. A password in it is passed over and not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirection {
    /// RedirFlags.
    pub flags: u32,
    /// The session on the other host.
    pub session_id: u32,
    /// TargetNetAddress, TargetFQDN and TargetNetBiosName, as far as they are there.
    pub targets: Vec<String>,
    /// LoadBalanceInfo, the routing token to present.
    pub routing_token: Option<Vec<u8>>,
}

const LB_TARGET_NET_ADDRESS: u32 = 0x1;
const LB_LOAD_BALANCE_INFO: u32 = 0x2;
const LB_USERNAME: u32 = 0x4;
const LB_DOMAIN: u32 = 0x8;
const LB_PASSWORD: u32 = 0x10;
const LB_TARGET_FQDN: u32 = 0x100;
const LB_TARGET_NETBIOS_NAME: u32 = 0x200;

/// Longest name kept.
const LONGEST_NAME: usize = 512;

impl Redirection {
    /// Reads the RDP_SERVER_REDIRECTION_PACKET; `None` when it ends too early.
    pub fn read(packet: &[u8]) -> Option<Self> {
        let mut reader = Reader(packet);
        let _flags = reader.u16()?;
        let _length = reader.u16()?;
        let session_id = reader.u32()?;
        let flags = reader.u32()?;
        let mut field = |flag: u32| -> Option<Option<&[u8]>> {
            if flags & flag == 0 {
                return Some(None);
            }
            let length = usize::try_from(reader.u32()?).ok()?;
            reader.take(length).map(Some)
        };
        let address = field(LB_TARGET_NET_ADDRESS)?;
        let routing_token = field(LB_LOAD_BALANCE_INFO)?.map(<[u8]>::to_vec);
        field(LB_USERNAME)?;
        field(LB_DOMAIN)?;
        field(LB_PASSWORD)?;
        let qualified = field(LB_TARGET_FQDN)?;
        let short = field(LB_TARGET_NETBIOS_NAME)?;
        let targets = [address, qualified, short]
            .into_iter()
            .flatten()
            .filter_map(|name| Reader(name).utf16(name.len().min(LONGEST_NAME) & !1))
            .filter(|name| !name.is_empty())
            .collect();
        Some(Self { flags, session_id, targets, routing_token })
    }

    pub(crate) fn fact(&self) -> Fact {
        Fact::Redirection {
            flags: self.flags,
            session_id: self.session_id,
            targets: self.targets.clone(),
            has_routing_token: self.routing_token.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_the_token() {
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        let field = |bytes: &[u8]| {
            let length = u32::try_from(bytes.len()).expect("short").to_le_bytes();
            [&length[..], bytes].concat()
        };
        let flags =
            LB_TARGET_NET_ADDRESS | LB_LOAD_BALANCE_INFO | LB_PASSWORD | LB_TARGET_NETBIOS_NAME;
        let packet = [
            &[0, 4, 0, 0][..],
            &5u32.to_le_bytes(),
            &flags.to_le_bytes(),
            &field(&utf16("10.0.0.7\0")),
            &field(b"Cookie: msts=1.2.3\r\n"),
            &field(b"secret"),
            &field(&utf16("RDSH7")),
        ]
        .concat();
        let read = Redirection::read(&packet).expect("whole");
        assert_eq!(read.targets, ["10.0.0.7", "RDSH7"]);
        assert_eq!(read.session_id, 5);
        assert!(read.routing_token.is_some());
        for length in 0..packet.len() {
            assert_eq!(Redirection::read(&packet[..length]), None, "{length}");
        }
    }
}
