//! The NTLM CHALLENGE_MESSAGE (MS-NLMP 2.2.1.2). `sspi` parses it too, but privately.

use rdpdoctor_model::{Fact, NtlmVersion, Timestamp};

pub(crate) const SIGNATURE: &[u8] = b"NTLMSSP\0";
pub(crate) const MESSAGE_TYPE_NEGOTIATE: u32 = 1;
const MESSAGE_TYPE_CHALLENGE: u32 = 2;
pub(crate) const MESSAGE_TYPE_AUTHENTICATE: u32 = 3;
const NEGOTIATE_UNICODE: u32 = 0x0000_0001;
const NEGOTIATE_VERSION: u32 = 0x0200_0000;

/// Longest name kept, in characters; a NetBIOS name has 15, a DNS name 255.
const LONGEST_NAME: usize = 256;

/// Where the NTLM message begins within a token, SPNEGO around it or not.
pub(crate) fn find(token: &[u8]) -> Option<&[u8]> {
    let start = token.windows(SIGNATURE.len()).position(|window| window == SIGNATURE)?;
    token.get(start..)
}

/// Whether an NTLM message is the AUTHENTICATE_MESSAGE (MS-NLMP 2.2.1.3).
pub(crate) fn is_authenticate(message: &[u8]) -> bool {
    kind(message) == Some(MESSAGE_TYPE_AUTHENTICATE)
}

/// MessageType.
pub(crate) fn kind(message: &[u8]) -> Option<u32> {
    u32_at(message, 8)
}

/// Reads a challenge; the error says what is wrong with it.
pub(crate) fn read_challenge(message: &[u8]) -> Result<Fact, String> {
    let kind = u32_at(message, 8).ok_or("an NTLM message without a type")?;
    if kind != MESSAGE_TYPE_CHALLENGE {
        return Err(format!("an NTLM message of type {kind}, a challenge is 2"));
    }
    let flags = u32_at(message, 20).ok_or("an NTLM challenge without flags")?;
    if message.len() < 32 {
        return Err(format!("an NTLM challenge of {} bytes, at least 32 expected", message.len()));
    }
    let unicode = flags & NEGOTIATE_UNICODE != 0;
    let target_name = field(message, 12).map(|bytes| name(bytes, unicode));
    let version = (flags & NEGOTIATE_VERSION != 0)
        .then(|| message.get(48..52))
        .flatten()
        .map(|v| NtlmVersion { major: v[0], minor: v[1], build: u16::from_le_bytes([v[2], v[3]]) });
    let mut pairs = AvPairs::default();
    if let Some(target_info) = field(message, 40) {
        pairs.read(target_info);
    }
    Ok(Fact::NtlmChallenge {
        target_name: target_name.filter(|name| !name.is_empty()),
        netbios_computer: pairs.netbios_computer,
        netbios_domain: pairs.netbios_domain,
        dns_computer: pairs.dns_computer,
        dns_domain: pairs.dns_domain,
        dns_forest: pairs.dns_forest,
        version,
        timestamp: pairs.timestamp,
        flags,
    })
}

/// The AV_PAIR list of TargetInfo (MS-NLMP 2.2.2.1).
#[derive(Default)]
struct AvPairs {
    netbios_computer: Option<String>,
    netbios_domain: Option<String>,
    dns_computer: Option<String>,
    dns_domain: Option<String>,
    dns_forest: Option<String>,
    timestamp: Option<Timestamp>,
}

impl AvPairs {
    fn read(&mut self, mut rest: &[u8]) {
        while let [id_low, id_high, length_low, length_high, behind @ ..] = rest {
            let id = u16::from_le_bytes([*id_low, *id_high]);
            let length = usize::from(u16::from_le_bytes([*length_low, *length_high]));
            let Some((value, next)) = behind.split_at_checked(length) else { return };
            let text = || Some(name(value, true)).filter(|name| !name.is_empty());
            match id {
                0 => return,
                1 => self.netbios_computer = text(),
                2 => self.netbios_domain = text(),
                3 => self.dns_computer = text(),
                4 => self.dns_domain = text(),
                5 => self.dns_forest = text(),
                7 => {
                    let ticks = value.try_into().ok().map(u64::from_le_bytes);
                    self.timestamp = ticks.and_then(Timestamp::from_filetime);
                }
                _ => {}
            }
            rest = next;
        }
    }
}

/// The bytes that a security buffer (length, capacity, offset) at `position` points to.
fn field(message: &[u8], position: usize) -> Option<&[u8]> {
    let length =
        usize::from(u16::from_le_bytes([*message.get(position)?, *message.get(position + 1)?]));
    let offset = usize::try_from(u32_at(message, position + 4)?).ok()?;
    (length > 0).then(|| message.get(offset..offset.checked_add(length)?)).flatten()
}

fn u32_at(bytes: &[u8], position: usize) -> Option<u32> {
    let four = bytes.get(position..position.checked_add(4)?)?;
    four.try_into().ok().map(u32::from_le_bytes)
}

/// A name in UTF-16LE or in the OEM character set, of which only ASCII is taken.
fn name(bytes: &[u8], unicode: bool) -> String {
    if unicode {
        let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        char::decode_utf16(units)
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .take_while(|&c| c != '\0')
            .take(LONGEST_NAME)
            .collect()
    } else {
        bytes
            .iter()
            .take_while(|&&b| b != 0)
            .take(LONGEST_NAME)
            .map(|&b| if b.is_ascii() { char::from(b) } else { char::REPLACEMENT_CHARACTER })
            .collect()
    }
}
