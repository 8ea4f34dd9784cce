//! X.224 Connection Request and Confirm with the RDP negotiation (MS-RDPBCGR 2.2.1.1, 2.2.1.2).
//!
//! `ironrdp-pdu` decodes these too, but it refuses what it does not expect and then keeps neither
//! the numbers nor the bytes; a refusal, an unknown code or a broken length is what this tool is
//! about.

use rdpdoctor_model::{Fact, Hex, Negotiation};

use crate::tpkt::{self, Frame};

/// A Connection Confirm is 11 or 19 bytes; nothing near this is one.
const LONGEST_CONFIRM: usize = 512;

const CODE_CONNECTION_REQUEST: u8 = 0xE0;
const CODE_CONNECTION_CONFIRM: u8 = 0xD0;
const CODE_DISCONNECT_REQUEST: u8 = 0x80;

const TYPE_NEG_REQ: u8 = 1;
const TYPE_NEG_RSP: u8 = 2;
const TYPE_NEG_FAILURE: u8 = 3;
const TYPE_CORRELATION_INFO: u8 = 6;

/// What the server's first bytes are; `None` when more are needed.
pub(crate) fn read_answer(buffer: &[u8]) -> Option<(Fact, usize)> {
    match tpkt::frame(buffer, LONGEST_CONFIRM) {
        // What echoes the first bytes of a request under a number of its own never sends the rest.
        Frame::Incomplete => {
            let problem = answering_code(*buffer.get(tpkt::HEADER + 1)?).err()?;
            Some((malformed(problem, buffer), buffer.len()))
        }
        Frame::Broken(problem) => Some((malformed(problem, buffer), buffer.len())),
        Frame::Whole { payload, length } => {
            let fact = match read_tpdu(payload) {
                Ok(fact) => fact,
                Err(problem) => malformed(problem, &buffer[..length]),
            };
            Some((fact, length))
        }
    }
}

fn malformed(problem: String, bytes: &[u8]) -> Fact {
    Fact::X224Malformed { problem, bytes: Hex(bytes[..bytes.len().min(32)].to_vec()) }
}

/// Reads a server's TPDU: length indicator, code, two references, class, negotiation data.
fn read_tpdu(tpdu: &[u8]) -> Result<Fact, String> {
    let (&indicator, _) = tpdu.split_first().ok_or("an empty packet")?;
    let header = usize::from(indicator) + 1;
    let code = *tpdu.get(1).ok_or("no X.224 code")?;
    if header > tpdu.len() {
        return Err(format!("X.224 length indicator {indicator} is longer than the packet"));
    }
    if answering_code(code)? == CODE_DISCONNECT_REQUEST {
        let reason = *tpdu.get(6).ok_or("a disconnect request without a reason")?;
        return Ok(Fact::DisconnectRequest { reason });
    }
    if indicator < 6 {
        return Err(format!("X.224 length indicator {indicator}, at least 6 expected"));
    }
    let negotiation = read_negotiation(&tpdu[7..])?;
    Ok(Fact::ConnectionConfirm { negotiation })
}

/// The codes that a request is answered with: Connection Confirm and Disconnect Request (ITU-T X.224 13.4,
/// 13.5); the lower half is the credit.
fn answering_code(code: u8) -> Result<u8, String> {
    match code & 0xF0 {
        known @ (CODE_CONNECTION_CONFIRM | CODE_DISCONNECT_REQUEST) => Ok(known),
        _ => Err(format!("X.224 code {code:#04x}, a connection confirm is 0xd0")),
    }
}

fn read_negotiation(data: &[u8]) -> Result<Negotiation, String> {
    let [kind, flags, length_low, length_high, a, b, c, d, ..] = *data else {
        return if data.is_empty() {
            Ok(Negotiation::None)
        } else {
            Err(format!("negotiation data of {} bytes, 8 expected", data.len()))
        };
    };
    let length = u16::from_le_bytes([length_low, length_high]);
    if length != 8 {
        return Err(format!("negotiation data says it has {length} bytes, 8 expected"));
    }
    let value = u32::from_le_bytes([a, b, c, d]);
    match kind {
        TYPE_NEG_RSP => Ok(Negotiation::Response { flags, selected_protocol: value }),
        TYPE_NEG_FAILURE => Ok(Negotiation::Failure { code: value }),
        _ => Err(format!("negotiation data of type {kind}, 2 or 3 expected")),
    }
}

/// Reads a client's Connection Request; `None` when more bytes are needed or it is none.
pub(crate) fn read_request(buffer: &[u8]) -> Option<(Fact, usize)> {
    let Frame::Whole { payload, length } = tpkt::frame(buffer, LONGEST_CONFIRM) else {
        return None;
    };
    if payload.get(1)? & 0xF0 != CODE_CONNECTION_REQUEST {
        return None;
    }
    let mut rest = payload.get(7..)?;
    let (mut cookie, mut routing_token) = (None, None);
    if let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
        let line = String::from_utf8_lossy(&rest[..end]).into_owned();
        match line.strip_prefix("Cookie: mstshash=") {
            Some(value) => cookie = Some(value.to_owned()),
            None => routing_token = Some(line),
        }
        rest = &rest[end + 2..];
    }
    let (mut requested_protocols, mut flags, mut correlation_id) = (None, 0, None);
    if let [TYPE_NEG_REQ, request_flags, 8, 0, a, b, c, d, behind @ ..] = rest {
        flags = *request_flags;
        requested_protocols = Some(u32::from_le_bytes([*a, *b, *c, *d]));
        if let [TYPE_CORRELATION_INFO, _, 36, 0, id @ ..] = behind {
            correlation_id = id.get(..16).map(|id| Hex(id.to_vec()));
        }
    }
    let fact = Fact::ConnectionRequest {
        requested_protocols,
        flags,
        cookie,
        routing_token,
        correlation_id,
    };
    Some((fact, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confirm(tail: &[u8]) -> Vec<u8> {
        let length = u8::try_from(11 + tail.len()).expect("short");
        let mut bytes = vec![3, 0, 0, length, length - 5, 0xD0, 0, 0, 0x12, 0x34, 0];
        bytes.extend_from_slice(tail);
        bytes
    }

    #[test]
    fn confirms_with_and_without_negotiation() {
        let cases: [(&[u8], Negotiation); 3] = [
            (&[], Negotiation::None),
            (
                &[2, 0x1F, 8, 0, 8, 0, 0, 0],
                Negotiation::Response { flags: 0x1F, selected_protocol: 8 },
            ),
            (&[3, 0, 8, 0, 42, 0, 0, 0], Negotiation::Failure { code: 42 }),
        ];
        for (tail, negotiation) in cases {
            let bytes = confirm(tail);
            let read = read_answer(&bytes);
            assert_eq!(read, Some((Fact::ConnectionConfirm { negotiation }, bytes.len())));
            for cut in 0..bytes.len() {
                assert_eq!(read_answer(&bytes[..cut]), None, "{cut} bytes are not enough");
            }
        }
    }

    #[test]
    fn broken_answers_are_told_at_once() {
        for bytes in [
            &b"\x03\x00\xff\xff"[..],
            b"\x03\x01\x00\x0b",
            b"\x03\x00\x00\x05",
            b"\x03\x00\x00\x0b\x30\xd0\x00\x00\x00\x00\x00",
            b"\x03\x00\x00\x0b\x06\xe0\x00\x00\x00\x00\x00",
            // A Modbus server's error: the request's first four bytes, three more follow.
            b"\x03\x00\x00\x2b\x00\x03\x00\x80\x01",
            b"\x03\x00\x00\x0e\x09\xd0\x00\x00\x12\x34\x00\x02\x00\x08",
            &confirm(&[9, 0, 8, 0, 0, 0, 0, 0]),
            &confirm(&[2, 0, 9, 0, 0, 0, 0, 0]),
        ] {
            let read = read_answer(bytes);
            assert!(matches!(read, Some((Fact::X224Malformed { .. }, _))), "{bytes:x?}: {read:?}");
        }
    }

    #[test]
    fn disconnect_request_keeps_its_reason() {
        let bytes = [3, 0, 0, 11, 6, 0x80, 0, 0, 0x12, 0x34, 2];
        assert_eq!(read_answer(&bytes), Some((Fact::DisconnectRequest { reason: 2 }, 11)));
    }
}
