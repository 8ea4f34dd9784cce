//! Packets as bytes.

use super::{HEADER, MOST_DATA, Packet, kind};

impl Packet {
    /// The packet as it is sent. What has no room in it is cut.
    pub fn encode(&self) -> Vec<u8> {
        let (kind, body) = self.parts();
        let length = u32::try_from(body.len() + HEADER).unwrap_or(u32::MAX);
        [&kind.to_le_bytes()[..], &[0, 0], &length.to_le_bytes(), &body].concat()
    }

    fn parts(&self) -> (u16, Vec<u8>) {
        match self {
            Self::HandshakeRequest { version, extended_auth } => {
                let auth = extended_auth.to_le_bytes();
                let body = vec![version.0, version.1, 0, 0, auth[0], auth[1]];
                (kind::HANDSHAKE_REQUEST, body)
            }
            Self::HandshakeResponse { code, version, extended_auth } => {
                let (major, minor) = version.unwrap_or_default();
                let rest = [&[major, minor, 0, 0][..], &extended_auth.to_le_bytes()].concat();
                (kind::HANDSHAKE_RESPONSE, coded(*code, &rest))
            }
            Self::ExtendedAuth { code, blob } => {
                (kind::EXTENDED_AUTH, coded(*code, &counted(blob)))
            }
            Self::TunnelCreate { capabilities } => {
                (kind::TUNNEL_CREATE, coded(*capabilities, &[0; 4]))
            }
            Self::TunnelResponse { code, tunnel, capabilities, consent } => {
                let consent = consent.as_deref().map(|text| counted(&utf16(text, false)));
                let fields = [(1, number(*tunnel)), (2, number(*capabilities)), (0x10, consent)];
                let body = [&[0, 0][..], &coded(*code, &optional(&fields))].concat();
                (kind::TUNNEL_RESPONSE, body)
            }
            Self::TunnelAuth { client } => {
                let body = [&[0, 0][..], &counted(&utf16(client, true))].concat();
                (kind::TUNNEL_AUTH, body)
            }
            Self::TunnelAuthResponse { code, redirection, idle_timeout } => {
                let fields = [(1, number(*redirection)), (2, number(*idle_timeout))];
                (kind::TUNNEL_AUTH_RESPONSE, coded(*code, &optional(&fields)))
            }
            Self::ChannelCreate { resources, port } => {
                /// numResources is at most 50 (2.2.10.2).
                const MOST_NAMES: usize = 50;
                let names = &resources[..resources.len().min(MOST_NAMES)];
                let count = u8::try_from(names.len()).unwrap_or(0);
                let port = port.to_le_bytes();
                // The protocol's number is 3.
                let mut body = vec![count, 0, port[0], port[1], 3, 0];
                body.extend(names.iter().flat_map(|name| counted(&utf16(name, true))));
                (kind::CHANNEL_CREATE, body)
            }
            Self::ChannelResponse { code, channel } => {
                let fields = [(1, number(*channel))];
                (kind::CHANNEL_RESPONSE, coded(*code, &optional(&fields)))
            }
            Self::Data(data) => (kind::DATA, counted(data)),
            Self::ServiceMessage(text) => (kind::SERVICE_MESSAGE, counted(&utf16(text, false))),
            Self::Reauth { context } => (kind::REAUTH_MESSAGE, context.to_le_bytes().to_vec()),
            Self::Keepalive => (kind::KEEPALIVE, Vec::new()),
            Self::CloseChannel { code } => (kind::CLOSE_CHANNEL, coded(*code, &[])),
            Self::CloseChannelResponse { code } => {
                (kind::CLOSE_CHANNEL_RESPONSE, coded(*code, &[]))
            }
            Self::Unknown { kind } => (*kind, Vec::new()),
        }
    }
}

fn coded(code: u32, rest: &[u8]) -> Vec<u8> {
    [&code.to_le_bytes()[..], rest].concat()
}

fn number(value: Option<u32>) -> Option<Vec<u8>> {
    value.map(|value| value.to_le_bytes().to_vec())
}

/// fieldsPresent, what is reserved, and the fields that are present.
fn optional(fields: &[(u16, Option<Vec<u8>>)]) -> Vec<u8> {
    let present = fields.iter().filter(|(_, field)| field.is_some());
    let flags = present.fold(0, |flags, (flag, _)| flags | flag);
    let rest = fields.iter().filter_map(|(_, field)| field.as_deref());
    [&u16::to_le_bytes(flags)[..], &[0, 0], &rest.collect::<Vec<_>>().concat()].concat()
}

/// Behind a length of two bytes.
fn counted(bytes: &[u8]) -> Vec<u8> {
    let bytes = &bytes[..bytes.len().min(MOST_DATA)];
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    [&length.to_le_bytes()[..], bytes].concat()
}

/// UTF-16; names that a client sends end with NUL, as those of `mstsc` do.
fn utf16(text: &str, ended: bool) -> Vec<u8> {
    let end = if ended { "\0" } else { "" };
    text.encode_utf16().chain(end.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Packet, VERSION, behind_seed, frame};
    use crate::frame::Frame;

    /// Octets that `mstsc` and FreeRDP send alike (2.2.10.10, 2.2.10.14, 2.2.10.2).
    #[test]
    fn what_a_client_sends() {
        let request = Packet::HandshakeRequest { version: VERSION, extended_auth: 0 };
        assert_eq!(request.encode(), [1, 0, 0, 0, 14, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
        let create = Packet::TunnelCreate { capabilities: 0x1E };
        assert_eq!(create.encode(), [4, 0, 0, 0, 16, 0, 0, 0, 0x1E, 0, 0, 0, 0, 0, 0, 0]);
        let auth = Packet::TunnelAuth { client: "PC".to_owned() };
        let expected = [6, 0, 0, 0, 18, 0, 0, 0, 0, 0, 6, 0, b'P', 0, b'C', 0, 0, 0];
        assert_eq!(auth.encode(), expected);
        let channel = Packet::ChannelCreate { resources: vec!["h".to_owned()], port: 3389 };
        let expected = [8, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0x3D, 0x0D, 3, 0, 4, 0, b'h', 0, 0, 0];
        assert_eq!(channel.encode(), expected);
        assert_eq!(Packet::Data(vec![7]).encode(), [10, 0, 0, 0, 11, 0, 0, 0, 1, 0, 7]);
    }

    fn packets() -> impl Strategy<Value = Packet> {
        let text = "[a-zA-Z0-9 .-]{0,40}";
        let number = proptest::option::of(any::<u32>());
        let bytes = proptest::collection::vec(any::<u8>(), 0..300);
        prop_oneof![
            any::<u16>().prop_map(|extended_auth| Packet::HandshakeRequest {
                version: VERSION,
                extended_auth
            }),
            any::<(u32, u16)>().prop_map(|(code, extended_auth)| Packet::HandshakeResponse {
                code,
                version: Some(VERSION),
                extended_auth
            }),
            (any::<u32>(), bytes.clone())
                .prop_map(|(code, blob)| Packet::ExtendedAuth { code, blob }),
            (any::<u32>(), number.clone(), number.clone(), proptest::option::of(text)).prop_map(
                |(code, tunnel, capabilities, consent)| Packet::TunnelResponse {
                    code,
                    tunnel,
                    capabilities,
                    consent
                }
            ),
            text.prop_map(|client| Packet::TunnelAuth { client }),
            (any::<u32>(), number.clone(), number.clone()).prop_map(
                |(code, redirection, idle_timeout)| Packet::TunnelAuthResponse {
                    code,
                    redirection,
                    idle_timeout
                }
            ),
            (proptest::collection::vec(text, 0..4), any::<u16>())
                .prop_map(|(resources, port)| Packet::ChannelCreate { resources, port }),
            (any::<u32>(), number)
                .prop_map(|(code, channel)| Packet::ChannelResponse { code, channel }),
            bytes.prop_map(Packet::Data),
            text.prop_map(Packet::ServiceMessage),
            any::<u64>().prop_map(|context| Packet::Reauth { context }),
            any::<u32>().prop_map(|code| Packet::CloseChannel { code }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(packet in packets()) {
            let bytes = packet.encode();
            prop_assert_eq!(frame(&bytes), Frame::Whole(bytes.len()));
            prop_assert_eq!(Packet::read(&bytes), Ok(packet));
        }

        #[test]
        fn whatever_comes_is_bounded(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Frame::Whole(length) = frame(&bytes) {
                prop_assert!(length <= bytes.len());
                let _ = Packet::read(&bytes[..length]);
            }
            if let Some(at) = behind_seed(&bytes) {
                prop_assert!(at <= bytes.len());
            }
            // A packet of every type with these bytes behind its header, cut anywhere.
            for kind in 0..=0x12 {
                let bytes = [&[kind, 0, 0, 0, 0, 0, 0, 0][..], &bytes].concat();
                if let Ok(packet) = Packet::read(&bytes) {
                    prop_assert!(packet.encode().len() <= bytes.len() + 3100);
                }
            }
        }
    }
}
