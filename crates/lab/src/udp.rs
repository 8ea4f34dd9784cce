//! RDP over UDP as far as the answer to a SYN (MS-RDPEUDP 3.1.5.1.3), written byte by byte.

use std::time::Duration;

use tokio::net::UdpSocket;

use crate::server::Server;
use crate::transport::Cookies;

/// What a server does with a SYN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UdpAnswer {
    /// SYN+ACK.
    Answer,
    /// The first of each client is lost.
    Second,
    /// Nothing.
    Silence,
    /// It asks for UDP in each session (MS-RDPBCGR 2.2.15.1), goes on when the client has said what
    /// became of it, and answers version 3 with a session's cookie only.
    Cookie,
    /// It asks as well, goes on at once, and answers all but version 3.
    CookieUnknown,
}

impl UdpAnswer {
    /// Whether sessions are asked for UDP.
    pub(crate) fn asks(self) -> bool {
        matches!(self, Self::Cookie | Self::CookieUnknown)
    }

    /// Whether a SYN is answered, and with which version.
    fn version(self, syn: Syn, is_first: bool, cookies: &Cookies) -> Option<u16> {
        let is_third = syn.version == Some(VERSION_3);
        let answers = match self {
            Self::Answer => true,
            Self::Second => !is_first,
            Self::Silence => false,
            Self::Cookie if is_third && syn.hash.is_some_and(|hash| cookies.know(&hash)) => {
                return Some(VERSION_3);
            }
            Self::Cookie => false,
            Self::CookieUnknown => !is_third,
        };
        answers.then_some(VERSION_2)
    }
}

/// RDPUDP_PROTOCOL_VERSION_2 and RDPUDP_PROTOCOL_VERSION_3 (2.2.2.9).
const VERSION_2: u16 = 0x0002;
const VERSION_3: u16 = 0x0101;

/// SYN with its data; the longest datagram, to which it is padded.
const LEAST: usize = 16;
const LONGEST: usize = 1232;

/// Answers until it is cancelled. The newest client is the one that counts.
pub(crate) async fn serve(socket: UdpSocket, answer: UdpAnswer, server: &Server) {
    let mut datagram = [0; 2048];
    let mut newest = None;
    loop {
        let (length, client) = match socket.recv_from(&mut datagram).await {
            Ok(received) => received,
            // The word of some client's port that is closed by now.
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            }
        };
        let is_first = newest.replace(client) != Some(client);
        if let Some(syn) = Syn::read(&datagram[..length])
            && let Some(version) = answer.version(syn, is_first, &server.cookies)
        {
            let _ = socket.send_to(&syn_ack(&datagram[..length], version), client).await;
        }
    }
}

const SYN: u8 = 0x01;
const ACK: u8 = 0x04;

/// What a server reads of a SYN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Syn {
    /// uUdpVer, where it is told.
    version: Option<u16>,
    /// cookieHash, behind version 3.
    hash: Option<[u8; 32]>,
}

impl Syn {
    /// None for what is no SYN. Behind its data stand a correlation id of 32 bytes (2.2.2.8) and the
    /// version (2.2.2.9), where the flags say so.
    fn read(datagram: &[u8]) -> Option<Self> {
        const CORRELATION_ID: u8 = 0x08;
        const SYNEX: u8 = 0x10;
        let head = datagram.get(..LEAST)?;
        if head[7] & (SYN | ACK) != SYN {
            return None;
        }
        let at = if head[6] & CORRELATION_ID == 0 { LEAST } else { LEAST + 32 };
        let extended = datagram.get(at..).filter(|_| head[6] & SYNEX != 0);
        let version = extended
            .and_then(|bytes| bytes.get(2..4))
            .map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]));
        let hash = extended
            .filter(|_| version == Some(VERSION_3))
            .and_then(|bytes| bytes.get(4..36)?.try_into().ok());
        Some(Self { version, hash })
    }
}

/// The header of 2.2.2.1 with SYN, ACK and SYNEX, the data of 2.2.2.5, a version (2.2.2.9): the answer
/// to what was read as a SYN.
fn syn_ack(syn: &[u8], version: u16) -> Vec<u8> {
    let mut reply = syn[8..12].to_vec();
    reply.extend([0, 64, 0x10, SYN | ACK]);
    reply.extend([0x5A, 0x01, 0x02, 0x03]);
    reply.extend(&syn[12..16]);
    reply.extend([0, 1]);
    reply.extend(version.to_be_bytes());
    reply.resize(LONGEST, 0);
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: [u8; 16] = [0xFF, 0xFF, 0xFF, 0xFF, 0, 64, 0x18, 1, 1, 2, 3, 4, 4, 0xD0, 4, 0xD0];

    #[test]
    fn only_a_syn_is_answered() {
        let mut syn = HEAD.to_vec();
        assert_eq!(Syn::read(&syn), Some(Syn { version: None, hash: None }));
        let reply = syn_ack(&syn, VERSION_2);
        assert_eq!((reply.len(), &reply[..8]), (1232, &[1, 2, 3, 4, 0, 64, 0x10, 5][..]));
        assert_eq!(reply[16..20], [0, 1, 0, 2]);
        assert_eq!(Syn::read(&syn[..15]), None);
        syn[7] = 4;
        assert_eq!(Syn::read(&syn), None);
    }

    #[test]
    fn version_3_is_answered_to_those_who_have_the_cookie() {
        let cookies = Cookies::default();
        let given = cookies.give().expect("random bytes");
        let hash = [7; 32];
        let third = |hash: [u8; 32]| {
            let syn = [&HEAD[..], &[0; 32], &[0, 1, 1, 1], &hash].concat();
            Syn::read(&syn).expect("a SYN")
        };
        assert_eq!(third(hash).hash, Some(hash));
        assert_eq!(UdpAnswer::Cookie.version(third(hash), true, &cookies), None);
        let own = given.hash();
        assert_eq!(UdpAnswer::Cookie.version(third(own), true, &cookies), Some(VERSION_3));
        assert_eq!(UdpAnswer::CookieUnknown.version(third(own), true, &cookies), None);
        let second = Syn { version: Some(VERSION_2), hash: None };
        assert_eq!(UdpAnswer::Cookie.version(second, true, &cookies), None);
        let answered = UdpAnswer::CookieUnknown.version(second, true, &cookies);
        assert_eq!(answered, Some(VERSION_2));
        assert_eq!(UdpAnswer::Answer.version(third(own), true, &cookies), Some(VERSION_2));
    }
}
