//! The packets of MS-TSGU 2.2.10, as far as a gateway needs them.

use crate::channel::Frame;
use crate::ntlm::utf16;

pub(super) const HANDSHAKE_REQUEST: u16 = 1;
pub(super) const HANDSHAKE_RESPONSE: u16 = 2;
pub(super) const EXTENDED_AUTH: u16 = 3;
pub(super) const TUNNEL_CREATE: u16 = 4;
pub(super) const TUNNEL_RESPONSE: u16 = 5;
pub(super) const TUNNEL_AUTH: u16 = 6;
pub(super) const TUNNEL_AUTH_RESPONSE: u16 = 7;
pub(super) const CHANNEL_CREATE: u16 = 8;
pub(super) const CHANNEL_RESPONSE: u16 = 9;
pub(super) const DATA: u16 = 0x0A;
pub(super) const SERVICE_MESSAGE: u16 = 0x0B;
pub(super) const CLOSE_CHANNEL: u16 = 0x10;
pub(super) const CLOSE_CHANNEL_RESPONSE: u16 = 0x11;

/// Longest packet: data with a length of two bytes.
const LONGEST: usize = 8 + 2 + 0xFFFF;

/// Type and body of a packet.
pub(super) type Packet = (u16, Vec<u8>);

/// Where a packet ends (2.2.10.9).
pub(super) fn frame(bytes: &[u8]) -> Frame {
    let Some(length) = bytes.get(4..8) else { return Frame::Incomplete };
    let length = length.iter().rev().fold(0usize, |value, &byte| value << 8 | usize::from(byte));
    if (8..=LONGEST).contains(&length) { Frame::of(bytes, length) } else { Frame::Foreign }
}

/// A whole packet, taken apart.
pub(super) fn read(packet: &[u8]) -> Packet {
    let kind = packet.first_chunk::<2>().map_or(0, |two| u16::from_le_bytes(*two));
    (kind, packet.get(8..).unwrap_or_default().to_vec())
}

pub(super) fn write(kind: u16, body: &[u8]) -> Vec<u8> {
    let length = (body.len() + 8).to_le_bytes();
    [&kind.to_le_bytes()[..], &[0, 0], &length[..4], body].concat()
}

/// HTTP_HANDSHAKE_RESPONSE_PACKET: version 1.0.
pub(super) fn handshake(code: u32, extended_auth: u8) -> Vec<u8> {
    write(HANDSHAKE_RESPONSE, &[&code.to_le_bytes()[..], &[1, 0, 0, 0, extended_auth, 0]].concat())
}

/// HTTP_EXTENDED_AUTH_PACKET.
pub(super) fn extended_auth(code: u32, blob: &[u8]) -> Vec<u8> {
    write(EXTENDED_AUTH, &[&code.to_le_bytes()[..], &counted(blob)].concat())
}

/// The blob of an HTTP_EXTENDED_AUTH_PACKET.
pub(super) fn blob(body: &[u8]) -> Option<&[u8]> {
    let length = body.get(4..6)?;
    body.get(6..6 + usize::from(u16::from_le_bytes([length[0], length[1]])))
}

/// HTTP_TUNNEL_RESPONSE with its tunnel's number and its capabilities; a refusal ends behind the
/// code.
pub(super) fn tunnel(code: u32, consent: Option<&str>) -> Vec<u8> {
    let code_bytes = code.to_le_bytes();
    let body = match (code, consent) {
        (0, None) => [&[1, 0][..], &code_bytes, &[3, 0, 0, 0, 1, 0, 0, 0, 0x1E, 0, 0, 0]].concat(),
        (0, Some(text)) => [
            &[1, 0][..],
            &code_bytes,
            &[0x13, 0, 0, 0, 1, 0, 0, 0, 0x1E, 0, 0, 0],
            &counted(&utf16(text)),
        ]
        .concat(),
        _ => [&[1, 0][..], &code_bytes, &[0; 4]].concat(),
    };
    write(TUNNEL_RESPONSE, &body)
}

/// HTTP_TUNNEL_AUTH_RESPONSE: everything may be redirected, idle for half an hour.
pub(super) fn authorization(code: u32) -> Vec<u8> {
    let rest: &[u8] = match code {
        0 => &[3, 0, 0, 0, 0, 0, 0, 0x80, 30, 0, 0, 0],
        _ => &[0; 4],
    };
    write(TUNNEL_AUTH_RESPONSE, &[&code.to_le_bytes()[..], rest].concat())
}

/// HTTP_CHANNEL_RESPONSE with the channel's number.
pub(super) fn channel(code: u32) -> Vec<u8> {
    let rest: &[u8] = if code == 0 { &[1, 0, 0, 0, 1, 0, 0, 0] } else { &[0; 4] };
    write(CHANNEL_RESPONSE, &[&code.to_le_bytes()[..], rest].concat())
}

/// HTTP_DATA_PACKET.
pub(super) fn data(bytes: &[u8]) -> Vec<u8> {
    write(DATA, &counted(bytes))
}

/// What an HTTP_DATA_PACKET carries.
pub(super) fn carried(body: &[u8]) -> &[u8] {
    body.get(2..).unwrap_or_default()
}

/// HTTP_SERVICE_MESSAGE.
pub(super) fn service_message(text: &str) -> Vec<u8> {
    write(SERVICE_MESSAGE, &counted(&utf16(text)))
}

/// HTTP_CLOSE_PACKET.
pub(super) fn close(kind: u16, code: u32) -> Vec<u8> {
    write(kind, &code.to_le_bytes())
}

fn counted(bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len().to_le_bytes();
    [&length[..2], bytes].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_have_the_lengths_they_say() {
        for packet in [
            handshake(0, 0),
            extended_auth(0, b"NTLMSSP"),
            tunnel(0, Some("Agreed?")),
            tunnel(0x8007_59DB, None),
            authorization(0),
            channel(5),
            data(&[7; 300]),
            close(CLOSE_CHANNEL, 0),
        ] {
            assert!(matches!(frame(&packet), Frame::Whole(length) if length == packet.len()));
            assert!(matches!(frame(&packet[..7]), Frame::Incomplete));
        }
        assert_eq!(blob(&read(&extended_auth(0, b"blob")).1), Some(&b"blob"[..]));
        assert_eq!(carried(&read(&data(b"rdp")).1), b"rdp");
        assert!(matches!(frame(b"GET / HTTP/1.1"), Frame::Foreign));
    }
}
