//! RD Gateway: the packets of the HTTP and WebSocket transports (MS-TSGU 2.2.10). They stand inside
//! the gateway's TLS, in the body of an HTTP message or in a WebSocket message.
//!
//! Reading is tolerant: a gateway that refuses often leaves away what would follow its code. What is
//! optional and cut short is not there; a packet is broken only where its code cannot be read.

mod encode;

use crate::frame::Frame;
use crate::reader::Reader;

/// The version that every gateway speaks (2.2.10.10).
pub const VERSION: (u8, u8) = (1, 0);

/// HTTP_EXTENDED_AUTH_SSPI_NTLM (2.2.5.3.2): NTLM inside packets instead of HTTP's headers.
pub const EXTENDED_AUTH_NTLM: u16 = 4;

/// HTTP_CAPABILITY_IDLE_TIMEOUT, MESSAGING_CONSENT_SIGN, MESSAGING_SERVICE_MSG and REAUTH (2.2.5.3.9).
/// Not QUAR_SOH: no Windows since 10 has a statement of health to show.
pub const CAPABILITIES: u32 = 0x1E;

/// Most bytes of RDP that one data packet carries: its length has two bytes (2.2.10.6).
pub const MOST_DATA: usize = 0xFFFF;

/// The header (2.2.10.9).
const HEADER: usize = 8;

/// A data packet is the longest; anything above is none of this protocol.
const LONGEST: usize = HEADER + 2 + MOST_DATA;

/// Longest message of a gateway's administrator that is kept, in characters.
const LONGEST_TEXT: usize = 1000;

/// HTTP_PACKET_TYPE (2.2.5.3.3).
mod kind {
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
    pub(super) const REAUTH_MESSAGE: u16 = 0x0C;
    pub(super) const KEEPALIVE: u16 = 0x0D;
    pub(super) const CLOSE_CHANNEL: u16 = 0x10;
    pub(super) const CLOSE_CHANNEL_RESPONSE: u16 = 0x11;
}

/// One packet, of either side. Codes are raw, as HRESULT or as the Win32 code inside it (2.2.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// HTTP_HANDSHAKE_REQUEST_PACKET.
    HandshakeRequest {
        /// verMajor and verMinor.
        version: (u8, u8),
        /// ExtendedAuth.
        extended_auth: u16,
    },
    /// HTTP_HANDSHAKE_RESPONSE_PACKET.
    HandshakeResponse {
        /// errorCode.
        code: u32,
        /// verMajor and verMinor.
        version: Option<(u8, u8)>,
        /// ExtendedAuth.
        extended_auth: u16,
    },
    /// HTTP_EXTENDED_AUTH_PACKET.
    ExtendedAuth {
        /// errorCode.
        code: u32,
        /// authBlob.
        blob: Vec<u8>,
    },
    /// HTTP_TUNNEL_PACKET, without its optional fields.
    TunnelCreate {
        /// capsFlags.
        capabilities: u32,
    },
    /// HTTP_TUNNEL_RESPONSE.
    TunnelResponse {
        /// statusCode.
        code: u32,
        /// tunnelId.
        tunnel: Option<u32>,
        /// capsFlags.
        capabilities: Option<u32>,
        /// consentMsg: what a user has to agree to.
        consent: Option<String>,
    },
    /// HTTP_TUNNEL_AUTH_PACKET.
    TunnelAuth {
        /// clientName.
        client: String,
    },
    /// HTTP_TUNNEL_AUTH_RESPONSE.
    TunnelAuthResponse {
        /// errorCode.
        code: u32,
        /// redirFlags: what the gateway does not let through.
        redirection: Option<u32>,
        /// idleTimeout in minutes.
        idle_timeout: Option<u32>,
    },
    /// HTTP_CHANNEL_PACKET.
    ChannelCreate {
        /// The names of the target, any of which will do.
        resources: Vec<String>,
        /// Its port.
        port: u16,
    },
    /// HTTP_CHANNEL_RESPONSE.
    ChannelResponse {
        /// errorCode.
        code: u32,
        /// channelId.
        channel: Option<u32>,
    },
    /// HTTP_DATA_PACKET: bytes of RDP.
    Data(Vec<u8>),
    /// HTTP_SERVICE_MESSAGE: what the administrator tells everybody.
    ServiceMessage(String),
    /// HTTP_REAUTH_MESSAGE: the user shall be authenticated once more.
    Reauth {
        /// reauthTunnelContext.
        context: u64,
    },
    /// HTTP_KEEPALIVE_PACKET.
    Keepalive,
    /// HTTP_CLOSE_PACKET, the request.
    CloseChannel {
        /// statusCode.
        code: u32,
    },
    /// HTTP_CLOSE_PACKET, the answer.
    CloseChannelResponse {
        /// statusCode.
        code: u32,
    },
    /// A type that MS-TSGU does not have.
    Unknown {
        /// packetType.
        kind: u16,
    },
}

/// One packet at the beginning of a buffer.
pub fn frame(buffer: &[u8]) -> Frame {
    let mut reader = Reader(buffer);
    let header = reader.u32().zip(reader.u32());
    let Some((_, length)) = header else { return Frame::Incomplete };
    match usize::try_from(length) {
        Ok(length) if length < HEADER => Frame::Broken(format!("a packet of {length} bytes")),
        Ok(length) if length > LONGEST => Frame::Broken(format!("a packet of {length} bytes")),
        Ok(length) if buffer.len() < length => Frame::Incomplete,
        Ok(length) => Frame::Whole(length),
        Err(_) => Frame::Broken("a packet without an end".to_owned()),
    }
}

/// How many bytes of the OUT channel stand before the first packet: the server begins it with bytes
/// without a meaning (3.3.5.1), 10 in practice, 100 by the text. `None` while that cannot be told.
pub fn behind_seed(buffer: &[u8]) -> Option<usize> {
    /// The text's own number, and one more packet.
    const MOST_SEED: usize = 128;
    const USUAL: usize = 10;
    let begins = |at: usize| {
        let rest = buffer.get(at..)?;
        let mut reader = Reader(rest);
        let (kind, _reserved, length) = (reader.u16()?, reader.u16()?, reader.u32()?);
        let length = usize::try_from(length).ok()?;
        // Only these come first.
        let first = matches!(kind, kind::HANDSHAKE_RESPONSE | kind::CLOSE_CHANNEL);
        (first && (HEADER + 4..=HEADER + 16).contains(&length)).then_some(at)
    };
    let found = begins(USUAL).or_else(|| (0..buffer.len().min(MOST_SEED)).find_map(begins));
    found.or_else(|| (buffer.len() > MOST_SEED + HEADER).then_some(USUAL))
}

impl Packet {
    /// Reads a whole packet.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(packet: &[u8]) -> Result<Self, String> {
        let mut reader = Reader(packet);
        let header = (reader.u16(), reader.u16(), reader.u32());
        let (Some(kind), Some(_), Some(_)) = header else {
            return Err("a packet without a header".to_owned());
        };
        Self::body(kind, &mut reader).ok_or_else(|| format!("a packet of type {kind} is cut short"))
    }

    fn body(kind: u16, reader: &mut Reader<'_>) -> Option<Self> {
        Some(match kind {
            kind::HANDSHAKE_REQUEST => {
                let version = (reader.u8()?, reader.u8()?);
                let _client = reader.u16()?;
                Self::HandshakeRequest { version, extended_auth: reader.u16()? }
            }
            kind::HANDSHAKE_RESPONSE => {
                let code = reader.u32()?;
                let version = reader.u8().zip(reader.u8());
                let _server = reader.u16();
                let extended_auth = reader.u16().unwrap_or(0);
                Self::HandshakeResponse { code, version, extended_auth }
            }
            kind::EXTENDED_AUTH => {
                let code = reader.u32()?;
                Self::ExtendedAuth { code, blob: blob(reader).unwrap_or_default().to_vec() }
            }
            kind::TUNNEL_CREATE => Self::TunnelCreate { capabilities: reader.u32()? },
            kind::TUNNEL_RESPONSE => tunnel_response(reader)?,
            kind::TUNNEL_AUTH => {
                let _fields = reader.u16()?;
                Self::TunnelAuth { client: text(reader)? }
            }
            kind::TUNNEL_AUTH_RESPONSE => {
                let code = reader.u32()?;
                let present = fields(reader);
                let redirection = if present & 1 != 0 { reader.u32() } else { None };
                let idle_timeout = if present & 2 != 0 { reader.u32() } else { None };
                Self::TunnelAuthResponse { code, redirection, idle_timeout }
            }
            kind::CHANNEL_CREATE => {
                let (names, _others) = (reader.u8()?, reader.u8()?);
                let (port, _protocol) = (reader.u16()?, reader.u16()?);
                let resources = (0..names).map(|_| text(reader)).collect::<Option<_>>()?;
                Self::ChannelCreate { resources, port }
            }
            kind::CHANNEL_RESPONSE => {
                let code = reader.u32()?;
                let present = fields(reader);
                let channel = if present & 1 != 0 { reader.u32() } else { None };
                Self::ChannelResponse { code, channel }
            }
            kind::DATA => Self::Data(blob(reader)?.to_vec()),
            kind::SERVICE_MESSAGE => Self::ServiceMessage(text(reader)?),
            kind::REAUTH_MESSAGE => {
                let (low, high) = (reader.u32()?, reader.u32()?);
                Self::Reauth { context: u64::from(high) << 32 | u64::from(low) }
            }
            kind::KEEPALIVE => Self::Keepalive,
            kind::CLOSE_CHANNEL => Self::CloseChannel { code: reader.u32()? },
            kind::CLOSE_CHANNEL_RESPONSE => Self::CloseChannelResponse { code: reader.u32()? },
            kind => Self::Unknown { kind },
        })
    }
}

/// HTTP_TUNNEL_RESPONSE with its optional fields (2.2.10.20, 2.2.10.21).
fn tunnel_response(reader: &mut Reader<'_>) -> Option<Packet> {
    let _server = reader.u16()?;
    let code = reader.u32()?;
    let present = fields(reader);
    let tunnel = if present & 1 != 0 { reader.u32() } else { None };
    let capabilities = if present & 2 != 0 { reader.u32() } else { None };
    if present & 4 != 0 {
        // The nonce (a GUID) and the certificate for a statement of health.
        let _ = (reader.take(16), text(reader));
    }
    let consent = if present & 0x10 != 0 { text(reader) } else { None };
    Some(Packet::TunnelResponse { code, tunnel, capabilities, consent })
}

/// fieldsPresent and what is reserved behind it; nothing is present where they are missing.
fn fields(reader: &mut Reader<'_>) -> u16 {
    let present = reader.u16().unwrap_or(0);
    let _reserved = reader.u16();
    present
}

/// HTTP_byte_BLOB (2.2.10.1).
fn blob<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = reader.u16()?;
    reader.take(usize::from(length))
}

/// HTTP_UNICODE_STRING (2.2.10.22).
fn text(reader: &mut Reader<'_>) -> Option<String> {
    let length = usize::from(reader.u16()?);
    let text = reader.utf16(length)?;
    Some(text.chars().take(LONGEST_TEXT).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet of this type with this body.
    fn packet(kind: u16, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + HEADER).expect("short");
        [&kind.to_le_bytes()[..], &[0, 0], &length.to_le_bytes(), body].concat()
    }

    #[test]
    fn answers_as_a_windows_gateway_sends_them() {
        let handshake = packet(2, &[0, 0, 0, 0, 1, 0, 0, 0, 4, 0]);
        assert_eq!(
            Packet::read(&handshake),
            Ok(Packet::HandshakeResponse { code: 0, version: Some((1, 0)), extended_auth: 4 })
        );
        let tunnel = packet(5, &[0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 7, 0, 0, 0, 0x1E, 0, 0, 0]);
        let (code, consent) = (0, None);
        let expected =
            Packet::TunnelResponse { code, tunnel: Some(7), capabilities: Some(0x1E), consent };
        assert_eq!(Packet::read(&tunnel), Ok(expected));
        let authorised = packet(7, &[0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0x80, 30, 0, 0, 0]);
        let (redirection, idle_timeout) = (Some(0x8000_0000), Some(30));
        assert_eq!(
            Packet::read(&authorised),
            Ok(Packet::TunnelAuthResponse { code, redirection, idle_timeout })
        );
        let channel = packet(9, &[0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(Packet::read(&channel), Ok(Packet::ChannelResponse { code, channel: Some(1) }));
        assert_eq!(Packet::read(&packet(0x0D, &[])), Ok(Packet::Keepalive));
    }

    #[test]
    fn a_refusal_without_what_would_follow_is_read() {
        let code = 0x8007_59DB_u32;
        let tunnel = [&[0, 0][..], &code.to_le_bytes()].concat();
        let read = Packet::read(&packet(5, &tunnel));
        assert!(matches!(read, Ok(Packet::TunnelResponse { code: 0x8007_59DB, tunnel: None, .. })));
        let channel = Packet::read(&packet(9, &0x59DD_u32.to_le_bytes()));
        assert_eq!(channel, Ok(Packet::ChannelResponse { code: 0x59DD, channel: None }));
        // A field that is announced and cut short is not there.
        let half = Packet::read(&packet(9, &[0, 0, 0, 0, 1, 0, 0, 0, 1, 0]));
        assert_eq!(half, Ok(Packet::ChannelResponse { code: 0, channel: None }));
        assert!(Packet::read(&packet(9, &[0, 0, 0])).is_err(), "not even the code");
    }

    #[test]
    fn a_consent_message_behind_a_statement_of_health() {
        let words: Vec<u8> = "Yes?".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let body =
            [&[0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0][..], &[9; 16], &[2, 0, b'x', 0], &[8, 0], &words]
                .concat();
        let read = Packet::read(&packet(5, &body));
        assert!(
            matches!(&read, Ok(Packet::TunnelResponse { consent: Some(text), .. }) if text == "Yes?"),
            "{read:?}"
        );
    }

    #[test]
    fn lengths_are_bounded() {
        assert_eq!(frame(&[]), Frame::Incomplete);
        assert_eq!(frame(&packet(0x0D, &[])), Frame::Whole(8));
        assert_eq!(frame(&packet(0x0D, &[1, 2])[..9]), Frame::Incomplete);
        assert!(matches!(frame(&[1, 0, 0, 0, 7, 0, 0, 0]), Frame::Broken(_)));
        assert!(matches!(frame(&[1, 0, 0, 0, 0, 0, 2, 0]), Frame::Broken(_)));
        assert!(matches!(frame(b"HTTP/1.1 200 OK"), Frame::Broken(_)));
        let whole = packet(0x0A, &[&[0xFF, 0xFF][..], &vec![7; MOST_DATA]].concat());
        assert_eq!(frame(&whole), Frame::Whole(LONGEST));
        assert!(matches!(Packet::read(&whole), Ok(Packet::Data(data)) if data.len() == MOST_DATA));
    }

    #[test]
    fn the_seed_is_passed_over_whatever_its_length() {
        let handshake = packet(2, &[0, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
        for seed in [0, 10, 100] {
            let bytes = [&vec![0xCD; seed][..], &handshake].concat();
            assert_eq!(behind_seed(&bytes), Some(seed));
        }
        assert_eq!(behind_seed(&[0xCD; 10]), None, "nothing can be told yet");
        assert_eq!(behind_seed(&[0xCD; 200]), Some(10), "the packets are judged as they are");
    }
}
