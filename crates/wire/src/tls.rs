//! The part of a TLS handshake that passes in clear: records, hellos, certificates up to TLS 1.2,
//! alerts. Read with `tls-parser`; putting records and messages together is left to its user.

use rdpdoctor_model::Certificate;
use tls_parser::{
    TlsExtension, TlsMessageHandshake, parse_tls_client_hello_extensions,
    parse_tls_handshake_client_hello, parse_tls_handshake_msg_certificate,
    parse_tls_handshake_server_hello, parse_tls_server_hello_extensions,
};

use crate::certificate::read_certificate;

pub(crate) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(crate) const ALERT: u8 = 21;
pub(crate) const HANDSHAKE: u8 = 22;
pub(crate) const APPLICATION_DATA: u8 = 23;

pub(crate) const CLIENT_HELLO: u8 = 1;
pub(crate) const SERVER_HELLO: u8 = 2;
pub(crate) const CERTIFICATE: u8 = 11;

/// RFC 8446 5.2: 2^14 and 256 for the protection, of which older versions used up to 2048.
pub(crate) const LONGEST_RECORD: usize = 16_384 + 2_048;

/// Longest handshake message that is put together; a chain of certificates fits.
pub(crate) const LONGEST_MESSAGE: usize = 128 * 1024;

/// RFC 8446 4.1.3: the random of a ServerHello that is a HelloRetryRequest.
pub(crate) const HELLO_RETRY_REQUEST: [u8; 32] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
    0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

/// What could be read of one direction.
#[derive(Debug, PartialEq)]
pub(crate) enum Message {
    ClientHello {
        length: usize,
        versions: Vec<u16>,
        cipher_suites: usize,
        server_name: Option<String>,
        extensions: usize,
        /// It names the protocol that is to follow (RFC 7301), as web browsers do.
        names_protocol: bool,
    },
    ServerHello {
        version: u16,
        cipher_suite: u16,
    },
    Certificates(Vec<Certificate>),
    Alert {
        level: u8,
        description: u8,
    },
    Malformed(String),
}

/// One direction of a handshake, as far as it is readable.
#[derive(Default)]
pub(crate) struct HandshakeReader {
    records: Vec<u8>,
    messages: Vec<u8>,
    encrypted: bool,
}

impl HandshakeReader {
    /// Takes bytes in and says what they complete.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<Message> {
        if self.encrypted {
            return Vec::new();
        }
        self.records.extend_from_slice(bytes);
        let mut read = Vec::new();
        let mut position = 0;
        while !self.encrypted
            && let Some(header) = self.records.get(position..position + 5)
        {
            let (kind, version) = (header[0], u16::from_be_bytes([header[1], header[2]]));
            let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
            if !(CHANGE_CIPHER_SPEC..=APPLICATION_DATA).contains(&kind) || version >> 8 != 3 {
                read.push(Message::Malformed("not a TLS record".to_owned()));
                self.stop();
                return read;
            }
            if length > LONGEST_RECORD {
                read.push(Message::Malformed(format!("a TLS record of {length} bytes")));
                self.stop();
                return read;
            }
            let Some(content) = self.records.get(position + 5..position + 5 + length) else {
                break;
            };
            position += 5 + length;
            match (kind, content) {
                (HANDSHAKE, _) => {
                    self.messages.extend_from_slice(content);
                    cut_messages(&mut self.messages, &mut read);
                }
                (ALERT, [level, description]) => {
                    read.push(Message::Alert { level: *level, description: *description });
                }
                // From here on the direction is encrypted; TLS 1.3 sends a ChangeCipherSpec too,
                // for the middleboxes' sake (RFC 8446 D.4).
                _ => self.stop(),
            }
            if read.iter().any(|m| matches!(m, Message::Malformed(_))) {
                self.stop();
                return read;
            }
        }
        if !self.encrypted {
            self.records.drain(..position);
            // A first byte that begins no record will not become one.
            if let Some(&kind) = self.records.first()
                && !(CHANGE_CIPHER_SPEC..=APPLICATION_DATA).contains(&kind)
            {
                read.push(Message::Malformed("not a TLS record".to_owned()));
                self.stop();
            }
        }
        read
    }

    /// Bytes of a record or message that is not complete yet.
    pub(crate) fn unfinished(&self) -> usize {
        self.records.len() + self.messages.len()
    }

    fn stop(&mut self) {
        self.encrypted = true;
        self.records = Vec::new();
        self.messages = Vec::new();
    }
}

fn cut_messages(messages: &mut Vec<u8>, read: &mut Vec<Message>) {
    while let [kind, a, b, c, ..] = messages[..] {
        let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        if length > LONGEST_MESSAGE {
            read.push(Message::Malformed(format!("a handshake message of {length} bytes")));
            return;
        }
        let Some(body) = messages.get(4..4 + length) else { return };
        match kind {
            CLIENT_HELLO => read.push(client_hello(body)),
            SERVER_HELLO => read.extend(server_hello(body)),
            CERTIFICATE => read.push(certificates(body)),
            _ => {}
        }
        messages.drain(..4 + length);
    }
}

fn client_hello(body: &[u8]) -> Message {
    let Ok((_, hello)) = parse_tls_handshake_client_hello(body) else {
        return Message::Malformed("a ClientHello that cannot be read".to_owned());
    };
    let extensions =
        hello.ext.and_then(|ext| parse_tls_client_hello_extensions(ext).ok()).unwrap_or_default().1;
    let mut versions = vec![hello.version.0];
    let (mut server_name, mut names_protocol) = (None, false);
    for extension in &extensions {
        match extension {
            TlsExtension::SupportedVersions(offered) => {
                versions = offered.iter().map(|version| version.0).collect();
            }
            TlsExtension::SNI(names) => {
                server_name =
                    names.first().map(|(_, name)| String::from_utf8_lossy(name).into_owned());
            }
            TlsExtension::ALPN(_) => names_protocol = true,
            _ => {}
        }
    }
    Message::ClientHello {
        length: body.len() + 9,
        versions,
        cipher_suites: hello.ciphers.len(),
        server_name,
        extensions: extensions.len(),
        names_protocol,
    }
}

/// Whether this is the plain ClientHello by which is asked who is there, and no client's own.
pub(crate) fn is_plain(versions: &[u16], extensions: usize) -> bool {
    versions == [0x0303] && extensions <= 2
}

/// Whether a client's first bytes are the ClientHello of the direct approach (MS-RDPBCGR 5.4.2.2): not
/// that of a web browser, and no mere question; `None` while that cannot be told.
pub fn begins_directly(bytes: &[u8]) -> Option<bool> {
    if bytes.first().is_some_and(|&kind| kind != HANDSHAKE) || bytes.len() > LONGEST_RECORD {
        return Some(false);
    }
    match HandshakeReader::default().feed(bytes).first()? {
        Message::ClientHello { versions, extensions, names_protocol, .. } => {
            Some(!names_protocol && !is_plain(versions, *extensions))
        }
        _ => Some(false),
    }
}

/// `None` for a HelloRetryRequest, which only asks for another key share.
fn server_hello(body: &[u8]) -> Option<Message> {
    let Ok((_, hello)) = parse_tls_handshake_server_hello(body) else {
        return Some(Message::Malformed("a ServerHello that cannot be read".to_owned()));
    };
    if hello.random == HELLO_RETRY_REQUEST {
        return None;
    }
    let extensions =
        hello.ext.and_then(|ext| parse_tls_server_hello_extensions(ext).ok()).unwrap_or_default().1;
    let selected = extensions.iter().find_map(|extension| match extension {
        TlsExtension::SupportedVersions(versions) => versions.first().map(|version| version.0),
        _ => None,
    });
    Some(Message::ServerHello {
        version: selected.unwrap_or(hello.version.0),
        cipher_suite: hello.cipher.0,
    })
}

fn certificates(body: &[u8]) -> Message {
    let Ok((_, TlsMessageHandshake::Certificate(list))) = parse_tls_handshake_msg_certificate(body)
    else {
        return Message::Malformed("a Certificate message that cannot be read".to_owned());
    };
    let read: Result<Vec<_>, _> =
        list.cert_chain.iter().map(|raw| read_certificate(raw.data)).collect();
    match read {
        Ok(certificates) => Message::Certificates(certificates),
        Err(problem) => Message::Malformed(problem),
    }
}
