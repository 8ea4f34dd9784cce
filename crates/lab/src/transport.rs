//! What a server asks for beside TCP (MS-RDPBCGR 2.2.15), and the cookies that it gives for it.

use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, PoisonError};

use ironrdp_core::{decode, encode_vec};
use ironrdp_pdu::mcs::{McsMessage, SendDataIndication};
use ironrdp_pdu::rdp::headers::{BasicSecurityHeader, BasicSecurityHeaderFlags};
use ironrdp_pdu::rdp::multitransport::{
    MultitransportRequestPdu, MultitransportResponsePdu, RequestedProtocol,
};
use ironrdp_pdu::x224::X224;
use openssl::rand::rand_bytes;
use openssl::sha::sha256;

/// Cookies of more sessions than these are dropped, the oldest first.
const MOST_COOKIES: usize = 256;

/// The server's own channel (MS-RDPBCGR 2.2.1.13.1.1).
const SERVER_CHANNEL: u16 = 1002;

/// Hashes of the cookies of the sessions that are there.
#[derive(Default)]
pub(crate) struct Cookies(Mutex<VecDeque<[u8; 32]>>);

impl Cookies {
    /// Whether some session's cookie has this hash.
    pub(crate) fn know(&self, hash: &[u8; 32]) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(hash)
    }

    /// A new one, known as long as what is returned is kept.
    pub(crate) fn give(&self) -> io::Result<Given<'_>> {
        let mut cookie = [0; 16];
        rand_bytes(&mut cookie)?;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() == MOST_COOKIES {
            all.pop_front();
        }
        all.push_back(sha256(&cookie));
        Ok(Given { cookies: self, cookie })
    }
}

/// A session's cookie.
pub(crate) struct Given<'a> {
    cookies: &'a Cookies,
    cookie: [u8; 16],
}

impl Given<'_> {
    /// What a client shows in its place.
    pub(crate) fn hash(&self) -> [u8; 32] {
        sha256(&self.cookie)
    }

    /// Initiate Multitransport Request for reliable UDP, on this channel.
    pub(crate) fn request(&self, request_id: u32, channel: u16) -> io::Result<Vec<u8>> {
        let request = MultitransportRequestPdu {
            security_header: BasicSecurityHeader { flags: BasicSecurityHeaderFlags::TRANSPORT_REQ },
            request_id,
            requested_protocol: RequestedProtocol::UdpFecR,
            security_cookie: self.cookie,
        };
        indication(channel, &encode_vec(&request).map_err(io::Error::other)?)
    }
}

impl Drop for Given<'_> {
    fn drop(&mut self) {
        let own = self.hash();
        let mut all = self.cookies.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|hash| *hash != own);
    }
}

/// A Heartbeat PDU (MS-RDPBCGR 2.2.16.1), which asks for nothing.
pub(crate) fn heartbeat(channel: u16) -> io::Result<Vec<u8>> {
    const SEC_HEARTBEAT: [u8; 2] = [0x00, 0x40];
    indication(channel, &[&SEC_HEARTBEAT[..], &[0, 0, 0, 10, 3, 5]].concat())
}

/// The client's answer to a request, where a PDU is one: requestId and hrResponse.
pub(crate) fn response(pdu: &[u8], channel: u16) -> Option<(u32, u32)> {
    match decode::<X224<McsMessage<'_>>>(pdu) {
        Ok(X224(McsMessage::SendDataRequest(data))) if data.channel_id == channel => {
            let response = decode::<MultitransportResponsePdu>(&data.user_data).ok()?;
            Some((response.request_id, response.hr_response))
        }
        _ => None,
    }
}

fn indication(channel: u16, user_data: &[u8]) -> io::Result<Vec<u8>> {
    let message = McsMessage::SendDataIndication(SendDataIndication {
        initiator_id: SERVER_CHANNEL,
        channel_id: channel,
        user_data: user_data.into(),
    });
    encode_vec(&X224(message)).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_known_as_long_as_its_session() {
        let cookies = Cookies::default();
        let given = cookies.give().expect("random bytes");
        let hash = given.hash();
        assert!(cookies.know(&hash) && !cookies.know(&[0; 32]));
        let request = given.request(7, 1005).expect("encodes");
        assert_eq!(request[request.len() - 16..], given.cookie);
        drop(given);
        assert!(!cookies.know(&hash));
    }

    #[test]
    fn only_an_answer_on_its_channel_is_one() {
        let content = encode_vec(&MultitransportResponsePdu::abort(7)).expect("encodes");
        let message = McsMessage::SendDataRequest(ironrdp_pdu::mcs::SendDataRequest {
            initiator_id: 1006,
            channel_id: 1005,
            user_data: content.into(),
        });
        let pdu = encode_vec(&X224(message)).expect("encodes");
        assert_eq!(response(&pdu, 1005), Some((7, 0x8000_4004)));
        assert_eq!(response(&pdu, 1003), None);
        assert_eq!(response(b"nothing", 1005), None);
    }
}
