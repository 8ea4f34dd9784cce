//! The server's request for a transport beside TCP, and the client's answer, on the message channel
//! (MS-RDPBCGR 2.2.15).
//!
//! `ironrdp-pdu` decodes the request too, but refuses a protocol that it does not know. The number is
//! what counts here, so the few fields are read by hand; what is sent is encoded by it.

use ironrdp_core::encode_vec;
use ironrdp_pdu::rdp::multitransport::MultitransportResponsePdu;
use rdpdoctor_model::{Fact, Party, Secret};
use sha2::{Digest as _, Sha256};

use crate::encode::session::{Channels, send_data};
use crate::mcs::{self, Domain};
use crate::reader::Reader;

/// Flags of the security header (MS-RDPBCGR 2.2.8.1.1.2.1). The last two are to be ignored.
const SEC_TRANSPORT_REQ: u16 = 0x0002;
const SEC_TRANSPORT_RSP: u16 = 0x0004;
const SEC_RESET_SEQNO: u16 = 0x0010;
const SEC_IGNORE_SEQNO: u16 = 0x0020;

/// INITIATE_REQUEST_PROTOCOL_UDPFECR.
const RELIABLE_UDP: u16 = 0x0001;

const COOKIE_LENGTH: usize = 16;

/// The channels of a session beside the user's and the I/O channel, for a client that asked for both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SideChannels {
    /// The message channel, where the server has one.
    pub message: Option<u16>,
    /// The one static channel, that of dynamic ones.
    pub dynamic: Option<u16>,
}

impl SideChannels {
    /// What a Connect Response in its TPKT names; nothing where it cannot be read.
    pub fn read(connect_response: &[u8]) -> Self {
        let [message, dynamic] = mcs::side_channels(connect_response);
        Self { message, dynamic }
    }

    /// Whether a PDU is on one of them: then it is none of the session's. What goes the fast path has no
    /// TPKT, and is the session's always.
    pub fn have(self, pdu: &[u8]) -> bool {
        let [3, _, _, _, tpdu @ ..] = pdu else { return false };
        match mcs::read_domain(tpdu) {
            Ok(Domain::Data { channel, .. }) => {
                [self.message, self.dynamic].contains(&Some(channel))
            }
            _ => false,
        }
    }
}

/// An Initiate Multitransport Request (2.2.15.1), for whoever follows it.
#[derive(Debug)]
pub struct TransportRequest {
    /// requestId.
    pub request_id: u32,
    /// requestedProtocol.
    pub protocol: u16,
    cookie: Secret,
}

impl TransportRequest {
    /// The request in a slow-path PDU of the message channel; `None` for whatever else comes there:
    /// measurements (2.2.14), heartbeats (2.2.16).
    pub fn read(pdu: &[u8], message_channel: u16) -> Option<Self> {
        match mcs::read_domain(pdu.get(4..)?) {
            Ok(Domain::Data { channel, content }) if channel == message_channel => {
                Self::of_content(content)
            }
            _ => None,
        }
    }

    fn of_content(content: &[u8]) -> Option<Self> {
        let mut reader = Reader(content);
        if kind(&mut reader)? != SEC_TRANSPORT_REQ {
            return None;
        }
        let (request_id, protocol, _reserved) = (reader.u32()?, reader.u16()?, reader.u16()?);
        let cookie = Secret::new(reader.take(COOKIE_LENGTH)?);
        Some(Self { request_id, protocol, cookie })
    }

    /// Whether it asks for reliable UDP, which is what this client says it can do.
    pub fn wants_reliable_udp(&self) -> bool {
        self.protocol == RELIABLE_UDP
    }

    /// What a SYN of version 3 shows in place of the cookie: its SHA-256 (MS-RDPEUDP 2.2.2.9).
    pub fn cookie_hash(&self) -> [u8; 32] {
        Sha256::digest(self.cookie.expose()).into()
    }
}

/// An Initiate Multitransport Response with E_ABORT (2.2.15.2): no transport was made. Success could
/// be said only to servers with SOFTSYNC_TCP_TO_UDP, failure to all.
///
/// # Errors
/// When the codec refuses, which is a bug.
pub fn decline(
    channels: Channels,
    message_channel: u16,
    request_id: u32,
) -> Result<Vec<u8>, String> {
    let response = MultitransportResponsePdu::abort(request_id);
    let content = encode_vec(&response).map_err(|error| error.to_string())?;
    send_data(Channels { io: message_channel, ..channels }, content)
}

/// What passes on the message channel, behind the header of MCS; `None` for all that is not about
/// another transport, and for what is cut short.
pub(crate) fn read(from: Party, content: &[u8]) -> Option<Fact> {
    match from {
        Party::Server => {
            let request = TransportRequest::of_content(content)?;
            let (request_id, requested_protocol) = (request.request_id, request.protocol);
            Some(Fact::MultitransportRequest { request_id, requested_protocol })
        }
        Party::Client => {
            let mut reader = Reader(content);
            if kind(&mut reader)? != SEC_TRANSPORT_RSP {
                return None;
            }
            let (request_id, hresult) = (reader.u32()?, reader.u32()?);
            Some(Fact::MultitransportResponse { request_id, hresult })
        }
    }
}

/// The flags of a security header that tell what follows it.
fn kind(reader: &mut Reader<'_>) -> Option<u16> {
    let (flags, _high) = (reader.u16()?, reader.u16()?);
    Some(flags & !(SEC_RESET_SEQNO | SEC_IGNORE_SEQNO))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNELS: Channels = Channels { user: 1007, io: 1003 };
    const MESSAGES: u16 = 1005;

    /// requestId 42, UDPFECR, and a cookie of sixteen 0xAB.
    fn request(flags: u16) -> Vec<u8> {
        let head = [&flags.to_le_bytes()[..], &[0, 0, 42, 0, 0, 0, 1, 0, 0, 0]].concat();
        [head, vec![0xAB; COOKIE_LENGTH]].concat()
    }

    /// A Send Data Indication (T.125 11.33) in its TPKT.
    fn indication(channel: u16, content: &[u8]) -> Vec<u8> {
        let [length, ..] = content.len().to_le_bytes();
        let head = [&[2, 0xF0, 0x80, 0x68, 0, 1][..], &channel.to_be_bytes(), &[0x70, length]];
        let data = [&head.concat()[..], content].concat();
        let [all, ..] = (4 + data.len()).to_le_bytes();
        [&[3, 0, 0, all][..], &data].concat()
    }

    #[test]
    fn a_request_and_the_hash_of_its_cookie() {
        let pdu = indication(MESSAGES, &request(SEC_TRANSPORT_REQ));
        let read = TransportRequest::read(&pdu, MESSAGES).expect("a request");
        assert_eq!((read.request_id, read.protocol), (42, 1));
        assert!(read.wants_reliable_udp());
        // sha256sum of these sixteen bytes.
        let hash: String = read.cookie_hash().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, "5a2cfe8ab935918525d44fd6fd87c70fc83b4f29d1a727672e1b48f380473fc1");
        assert!(!format!("{read:?}").contains("171"), "{read:?}");
        // The I/O channel is somebody else's.
        assert!(TransportRequest::read(&pdu, 1003).is_none());
        let channels = SideChannels { message: Some(MESSAGES), dynamic: None };
        assert!(channels.have(&pdu) && !channels.have(&indication(1003, &[0; 8])));
        assert!(!channels.have(&pdu[..4]));
        let mut fast = pdu;
        fast[0] = 0;
        assert!(!channels.have(&fast));
        let ignorable = SEC_TRANSPORT_REQ | SEC_RESET_SEQNO | SEC_IGNORE_SEQNO;
        assert!(TransportRequest::of_content(&request(ignorable)).is_some());
    }

    #[test]
    fn what_else_comes_there_is_none() {
        const SEC_AUTODETECT_REQ: u16 = 0x1000;
        const SEC_HEARTBEAT: u16 = 0x4000;
        for flags in [SEC_AUTODETECT_REQ, SEC_HEARTBEAT, SEC_TRANSPORT_RSP, 0x1002] {
            assert_eq!(super::read(Party::Server, &request(flags)), None, "{flags:#x}");
        }
        let whole = request(SEC_TRANSPORT_REQ);
        for length in 0..whole.len() {
            assert_eq!(super::read(Party::Server, &whole[..length]), None, "{length} bytes");
        }
        let protocol = |fact| match fact {
            Some(Fact::MultitransportRequest { requested_protocol, .. }) => requested_protocol,
            other => panic!("{other:?}"),
        };
        assert_eq!(protocol(super::read(Party::Server, &whole)), 1);
        // A protocol that nobody knows is kept as the number that it is.
        let mut unknown = whole;
        unknown[8] = 9;
        assert_eq!(protocol(super::read(Party::Server, &unknown)), 9);
    }

    #[test]
    fn what_is_answered_reads_back() {
        let pdu = decline(CHANNELS, MESSAGES, 42).expect("encodes");
        let Ok(Domain::Data { channel, content }) = mcs::read_domain(&pdu[4..]) else {
            panic!("{pdu:?}")
        };
        assert_eq!(channel, MESSAGES);
        let answer = Fact::MultitransportResponse { request_id: 42, hresult: 0x8000_4004 };
        assert_eq!(super::read(Party::Client, content), Some(answer));
        assert_eq!(super::read(Party::Server, content), None);
    }

    #[test]
    fn an_unreadable_response_names_no_channel() {
        assert_eq!(SideChannels::read(b"nothing"), SideChannels::default());
    }
}
