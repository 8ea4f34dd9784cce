//! X.224 Connection Request and Confirm with the RDP negotiation (MS-RDPBCGR 2.2.1.1, 2.2.1.2).

use crate::behaviour::{Answer, Ending, Instead};
use crate::channel::Frame;

/// requestedProtocols: TLS.
pub(crate) const PROTOCOL_SSL: u32 = 1;
/// requestedProtocols: CredSSP, which is NLA.
pub(crate) const PROTOCOL_HYBRID: u32 = 2;
/// requestedProtocols: RDSTLS, which redirected connections use.
pub(crate) const PROTOCOL_RDSTLS: u32 = 4;
/// requestedProtocols: CredSSP with the Early User Authorization Result.
pub(crate) const PROTOCOL_HYBRID_EX: u32 = 8;

/// EXTENDED_CLIENT_DATA, GRAPHICS_PIPELINE, RESERVED, RESTRICTED_ADMIN, REDIRECTED_AUTHENTICATION:
/// what Windows sends since Server 2016 (MS-RDPBCGR 2.2.1.2.1).
pub(crate) const RESPONSE_FLAGS: u8 = 0x1F;

/// What a server reads of a Connection Request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request {
    /// requestedProtocols; `None` without an RDP Negotiation Request.
    pub(crate) requested: Option<u32>,
}

impl Request {
    /// From a whole TPKT; `None` when it holds no Connection Request.
    pub(crate) fn read(tpkt: &[u8]) -> Option<Self> {
        let tpdu = tpkt.get(4..)?;
        if tpdu.get(1)? & 0xF0 != 0xE0 {
            return None;
        }
        let mut data = tpdu.get(7..)?;
        if let Some(end) = data.windows(2).position(|pair| pair == b"\r\n") {
            data = &data[end + 2..];
        }
        let requested = match data {
            [1, _, 8, 0, a, b, c, d, ..] => Some(u32::from_le_bytes([*a, *b, *c, *d])),
            _ => None,
        };
        Some(Self { requested })
    }

    /// Whether it offers one of these protocols.
    pub(crate) fn offers(self, protocols: u32) -> bool {
        self.requested.unwrap_or(0) & protocols != 0
    }

    /// The stronger of the two protocols with CredSSP that it offers.
    pub(crate) fn credssp(self) -> Option<u32> {
        [PROTOCOL_HYBRID_EX, PROTOCOL_HYBRID].into_iter().find(|&protocol| self.offers(protocol))
    }
}

/// A host that requires NLA: HYBRID_REQUIRED_BY_SERVER to whoever does not offer it, and an end to
/// those who cannot read an answer.
pub(crate) fn nla_only(request: &Request) -> Answer {
    match request.credssp() {
        Some(protocol) => Answer::Select(protocol),
        None if request.requested.is_some() => Answer::Failure(5),
        None => Answer::Instead(Instead::End(Ending::Fin)),
    }
}

/// A host that knows TLS alone, as xrdp can be set to: SSL_REQUIRED_BY_SERVER to the others.
pub(crate) fn tls_only(request: &Request) -> Answer {
    if request.offers(PROTOCOL_SSL) {
        Answer::Select(PROTOCOL_SSL)
    } else if request.requested.is_some() {
        Answer::Failure(1)
    } else {
        Answer::Instead(Instead::End(Ending::Fin))
    }
}

/// A confirm with RDP_NEG_RSP (MS-RDPBCGR 2.2.1.2.1).
pub(crate) fn response(selected: u32, flags: u8) -> Vec<u8> {
    confirm(&[[2, flags, 8, 0], selected.to_le_bytes()].concat())
}

/// A confirm with RDP_NEG_FAILURE (MS-RDPBCGR 2.2.1.2.2).
pub(crate) fn failure(code: u32) -> Vec<u8> {
    confirm(&[[3, 0, 8, 0], code.to_le_bytes()].concat())
}

/// An X.224 Connection Confirm (ITU-T X.224 section 13.4) in its TPKT, with or without negotiation
/// data.
pub(crate) fn confirm(negotiation: &[u8]) -> Vec<u8> {
    let length = negotiation.len().to_le_bytes()[0] + 11;
    [&[3, 0, 0, length, length - 5, 0xD0, 0, 0, 0x12, 0x34, 0][..], negotiation].concat()
}

/// TPKT (RFC 1006 section 6): version 3, a reserved byte, the whole length.
pub(crate) fn frame(bytes: &[u8]) -> Frame {
    match bytes {
        [3, _, high, low, ..] => match usize::from(u16::from_be_bytes([*high, *low])) {
            0..7 => Frame::Foreign,
            length => Frame::Whole(length),
        },
        [] | [3, ..] => Frame::Incomplete,
        _ => Frame::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use super::{Request, confirm, failure, response};

    #[test]
    fn confirms_are_what_the_specification_prints() {
        // MS-RDPBCGR 4.1.2.
        let printed = [3, 0, 0, 19, 14, 0xD0, 0, 0, 0x12, 0x34, 0, 2, 0, 8, 0, 0, 0, 0, 0];
        let mut ours = response(0, super::RESPONSE_FLAGS);
        ours[12] = 0;
        assert_eq!(ours, printed);
        assert_eq!(failure(5)[11..], [3, 0, 8, 0, 5, 0, 0, 0]);
        assert_eq!(confirm(&[]), [3, 0, 0, 11, 6, 0xD0, 0, 0, 0x12, 0x34, 0]);
    }

    #[test]
    fn requests_with_cookie_without_negotiation_and_others() {
        let mut request = vec![3, 0, 0, 0, 0, 0xE0, 0, 0, 0, 0, 0];
        assert_eq!(Request::read(&request), Some(Request { requested: None }));
        request.extend(b"Cookie: mstshash=a\r\n\x01\x00\x08\x00\x0b\x00\x00\x00");
        assert_eq!(Request::read(&request), Some(Request { requested: Some(0x0B) }));
        request[5] = 0xF0;
        assert_eq!(Request::read(&request), None);
    }
}
