//! The connection request with what a load balancer or broker reads (MS-RDPBCGR 2.2.1.1).

/// Bytes behind the X.224 length indicator, which is one byte and never 255 (ITU-T X.224 13.2.1).
const LONGEST: usize = 254;

/// TYPE_RDP_NEG_REQ and TYPE_RDP_CORRELATION_INFO (MS-RDPBCGR 2.2.1.1.1, 2.2.1.1.2).
const NEGOTIATION: u8 = 0x01;
const CORRELATION: u8 = 0x06;

/// CORRELATION_INFO_PRESENT.
const HAS_CORRELATION: u8 = 0x08;

/// An X.224 Connection Request that carries `info` as it is, with its line end, as `mstsc` sends the
/// `loadbalanceinfo` of an `.rdp` file. The codec at hand puts "Cookie: msts=" in front of every
/// token, which is another thing. Where the room does not suffice, the correlation id goes; `None`
/// when it does not suffice even then, or when `info` holds a line end.
pub fn load_balanced_request(
    requested_protocols: u32,
    correlation_id: Option<[u8; 16]>,
    info: &[u8],
) -> Option<Vec<u8>> {
    if info.is_empty() || info.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
        return None;
    }
    let whole = variable_part(requested_protocols, correlation_id, info);
    let variable = match whole.len() + FIXED {
        0..=LONGEST => whole,
        _ => variable_part(requested_protocols, None, info),
    };
    let indicator = u8::try_from(variable.len() + FIXED).ok().filter(|&n| n != u8::MAX)?;
    let length = u16::from(indicator) + 5;
    // TPKT (RFC 1006 6), then CR TPDU with both references 0 and class 0.
    let [high, low] = length.to_be_bytes();
    let head = [3, 0, high, low, indicator, 0xE0, 0, 0, 0, 0, 0];
    Some([&head[..], &variable].concat())
}

/// Bytes of the TPDU behind the length indicator and before the variable part.
const FIXED: usize = 6;

fn variable_part(protocols: u32, correlation_id: Option<[u8; 16]>, info: &[u8]) -> Vec<u8> {
    let flags = if correlation_id.is_some() { HAS_CORRELATION } else { 0 };
    let mut part = [info, b"\r\n", &[NEGOTIATION, flags, 8, 0]].concat();
    part.extend(protocols.to_le_bytes());
    if let Some(id) = correlation_id {
        part.extend([CORRELATION, 0, 36, 0]);
        part.extend(id);
        part.extend([0; 16]);
    }
    part
}

#[cfg(test)]
mod tests {
    use super::load_balanced_request;
    use crate::encode::{connection_request, routed_request};

    /// But for the token the bytes are those of the codec.
    #[test]
    fn it_is_the_usual_request_with_another_token() {
        let id = Some([7; 16]);
        let codec = routed_request(0x0B, id, b"3640205228.15629.0000").expect("encodes");
        let own = load_balanced_request(0x0B, id, b"Cookie: msts=3640205228.15629.0000");
        assert_eq!(own.as_ref(), Some(&codec));
        let plain = connection_request(1, None).expect("encodes");
        assert_eq!(load_balanced_request(1, None, b"Cookie: mstshash=rdpdoctor"), Some(plain));
    }

    #[test]
    fn the_room_is_used_and_not_exceeded() {
        let request = |length| load_balanced_request(0x0B, Some([7; 16]), &vec![b'x'; length]);
        let length = |length| request(length).map(|bytes| bytes.len());
        assert_eq!(length(202), Some(259));
        assert_eq!(length(203), Some(259 + 1 - 36), "without the correlation id");
        assert_eq!(length(238), Some(259));
        assert_eq!(length(239), None);
        assert_eq!(load_balanced_request(0x0B, None, b"a\r\nb"), None);
        assert_eq!(load_balanced_request(0x0B, None, b""), None);
    }
}
