//! Where the messages of a connection end, for whoever reads them from a stream.

use crate::credssp;
use crate::der::{Cut, cut_sequence};

/// What stands at the beginning of a buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// More bytes are needed.
    Incomplete,
    /// One whole message of this many bytes.
    Whole(usize),
    /// It breaks the rules; the text says which.
    Broken(String),
}

/// A TSRequest (MS-CSSP 2.2.1).
pub fn ts_request(buffer: &[u8]) -> Frame {
    match cut_sequence(buffer, credssp::LONGEST) {
        Cut::Incomplete => Frame::Incomplete,
        Cut::Whole(length) => Frame::Whole(length),
        Cut::Broken(problem) => Frame::Broken(problem),
    }
}

/// An Early User Authorization Result (MS-RDPBCGR 2.2.10.2): a number of four bytes.
pub fn early_authorization(buffer: &[u8]) -> Frame {
    if buffer.len() < 4 { Frame::Incomplete } else { Frame::Whole(4) }
}

/// A PDU behind the negotiation: a TPKT packet (RFC 1006 6), or a fast-path PDU (MS-RDPBCGR
/// 2.2.9.1.2), whose first byte has neither of the two lowest bits.
pub fn pdu(buffer: &[u8]) -> Frame {
    let whole = |length: usize, least: usize| {
        if length < least {
            Frame::Broken(format!("a PDU of {length} bytes"))
        } else if buffer.len() < length {
            Frame::Incomplete
        } else {
            Frame::Whole(length)
        }
    };
    match *buffer {
        [3, _, high, low, ..] => whole(usize::from(u16::from_be_bytes([high, low])), 7),
        [first, length, ..] if first & 3 == 0 && length & 0x80 == 0 => whole(length.into(), 3),
        [first, high, low, ..] if first & 3 == 0 => {
            whole(usize::from(u16::from_be_bytes([high & 0x7F, low])), 4)
        }
        [] => Frame::Incomplete,
        [first, ..] if first == 3 || first & 3 == 0 => Frame::Incomplete,
        [first, ..] => Frame::Broken(format!("begins with {first:#04x}, no PDU does")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_pdu() {
        assert_eq!(pdu(&[]), Frame::Incomplete);
        assert_eq!(pdu(&[3, 0, 0]), Frame::Incomplete);
        assert_eq!(pdu(&[3, 0, 0, 8, 2, 0xF0, 0x80, 1, 9]), Frame::Whole(8));
        assert!(matches!(pdu(&[3, 0, 0, 2]), Frame::Broken(_)));
        assert_eq!(pdu(&[0, 5, 1, 2, 3, 4]), Frame::Whole(5));
        assert_eq!(pdu(&[0xC0, 0x80, 6, 1, 2, 3]), Frame::Whole(6));
        assert_eq!(pdu(&[0, 0x81, 0, 1]), Frame::Incomplete);
        assert!(matches!(pdu(&[0, 1]), Frame::Broken(_)));
        assert!(matches!(pdu(b"HTTP"), Frame::Incomplete | Frame::Broken(_)));
    }

    #[test]
    fn one_ts_request() {
        assert_eq!(ts_request(&[0x30, 3, 2, 1, 6, 0x30]), Frame::Whole(5));
        assert_eq!(ts_request(&[0x30, 3, 2]), Frame::Incomplete);
        assert!(matches!(ts_request(b"HTTP/1.1"), Frame::Broken(_)));
    }
}
