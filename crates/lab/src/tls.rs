//! TLS as far as a fault touches it: records, ClientHello, ServerHello, alerts (RFC 5246, RFC 8446);
//! the handshake itself is OpenSSL's.

use std::io;

use openssl::ssl::{
    SslContext, SslContextBuilder, SslMethod, SslMode, SslOptions, SslSessionCacheMode,
};

use crate::behaviour::Tls;
use crate::certificate::Identity;
use crate::channel::Frame;

/// A record holds at most 2^14 bytes and what encryption adds (RFC 5246 section 6.2.3).
const LONGEST_RECORD: usize = 16 * 1024 + 2048;

const EXTENSION_SUPPORTED_VERSIONS: u16 = 43;
const EXTENSION_RENEGOTIATION_INFO: u16 = 0xFF01;

/// TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746 section 3.3).
const SUITE_RENEGOTIATION_INFO: u16 = 0x00FF;
/// TLS_FALLBACK_SCSV (RFC 7507).
const SUITE_FALLBACK: u16 = 0x5600;
/// TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: what Windows prefers below TLS 1.3.
const SUITE_PREFERRED: u16 = 0xC030;

/// What a server can tell from a client's first record.
#[derive(Debug, Default)]
pub(crate) struct ClientHello {
    /// The cipher suites offered.
    suites: Vec<u16>,
    /// The types of its extensions.
    extensions: Vec<u16>,
}

impl ClientHello {
    /// From its record; what cannot be read counts as not offered.
    pub(crate) fn read(record: &[u8]) -> Self {
        let mut hello = Self::default();
        hello.fill(record);
        hello
    }

    /// Record and handshake header, version and random, then the fields of RFC 8446 section 4.1.2.
    fn fill(&mut self, record: &[u8]) -> Option<()> {
        let rest = record.get(5 + 4 + 2 + 32..)?;
        let (_session_id, rest) = vector(rest, 1)?;
        let (suites, rest) = vector(rest, 2)?;
        self.suites = suites.chunks_exact(2).map(|two| number(two, 2)).collect();
        let (_compression, rest) = vector(rest, 1)?;
        let (mut extensions, _) = vector(rest, 2)?;
        while extensions.len() >= 4 {
            self.extensions.push(number(extensions, 2));
            (_, extensions) = vector(&extensions[2..], 2)?;
        }
        Some(())
    }

    /// Whether it offers TLS 1.3, and so is a hello of this decade.
    pub(crate) fn is_modern(&self) -> bool {
        self.extensions.contains(&EXTENSION_SUPPORTED_VERSIONS)
    }

    /// The suite that a Windows host would take below TLS 1.3.
    fn suite(&self) -> u16 {
        let usable = |suite: &&u16| {
            !matches!(**suite, SUITE_RENEGOTIATION_INFO | SUITE_FALLBACK | 0x1301..=0x1305)
        };
        if self.suites.contains(&SUITE_PREFERRED) {
            return SUITE_PREFERRED;
        }
        self.suites.iter().find(usable).copied().unwrap_or(SUITE_PREFERRED)
    }

    fn wants_renegotiation_info(&self) -> bool {
        self.extensions.contains(&EXTENSION_RENEGOTIATION_INFO)
            || self.suites.contains(&SUITE_RENEGOTIATION_INFO)
    }
}

fn number(bytes: &[u8], digits: usize) -> u16 {
    bytes.iter().take(digits).fold(0, |value, &digit| value << 8 | u16::from(digit))
}

/// A vector with its length in one or two bytes before it, and what follows.
fn vector(bytes: &[u8], digits: usize) -> Option<(&[u8], &[u8])> {
    let length = usize::from(number(bytes.get(..digits)?, digits));
    bytes[digits..].split_at_checked(length)
}

/// The ServerHello (RFC 5246 section 7.4.1.3) in its record: a new session without an id.
pub(crate) fn server_hello(version: u16, hello: &ClientHello, random: &[u8; 32]) -> Vec<u8> {
    const TLS_1_0: u16 = 0x0301;
    // SSL 3.0 knows no extensions; 3DES with RSA is the last of its suites.
    let (suite, extensions) = if version < TLS_1_0 {
        (0x000A, &[][..])
    } else if hello.wants_renegotiation_info() {
        (hello.suite(), &[0, 5, 0xFF, 1, 0, 1, 0][..])
    } else {
        (hello.suite(), &[][..])
    };
    let body =
        [&version.to_be_bytes()[..], random, &[0], &suite.to_be_bytes(), &[0], extensions].concat();
    let length = body.len().to_be_bytes();
    let message = [&[2], &length[length.len() - 3..], &body].concat();
    let length = message.len().to_be_bytes();
    [&[22], &version.to_be_bytes()[..], &length[length.len() - 2..], &message].concat()
}

/// A fatal alert in a record of its own, not encrypted.
pub(crate) fn alert(description: u8) -> [u8; 7] {
    [21, 3, 3, 0, 2, 2, description]
}

/// A TLS record with a handshake message in it.
pub(crate) fn frame(bytes: &[u8]) -> Frame {
    match bytes {
        [22, 3, _, high, low, ..] => match usize::from(u16::from_be_bytes([*high, *low])) {
            length if length <= LONGEST_RECORD => Frame::Whole(5 + length),
            _ => Frame::Foreign,
        },
        [22, 3, ..] | [22] | [] => Frame::Incomplete,
        _ => Frame::Foreign,
    }
}

/// A server's settings, made once for all its connections. No session is ever resumed: every
/// connection shows the whole handshake.
pub(crate) fn context(settings: &Tls, identity: &Identity) -> io::Result<SslContext> {
    let mut builder = SslContextBuilder::new(SslMethod::tls_server())?;
    builder.set_security_level(settings.security_level);
    builder.set_min_proto_version(Some(settings.oldest))?;
    builder.set_max_proto_version(Some(settings.newest))?;
    builder.set_cipher_list("DEFAULT")?;
    builder.set_options(SslOptions::NO_TICKET | SslOptions::CIPHER_SERVER_PREFERENCE);
    builder.set_mode(SslMode::RELEASE_BUFFERS);
    builder.set_num_tickets(0)?;
    builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    let [own, issuers @ ..] = &identity.chain[..] else {
        return Err(io::Error::other("an identity without a certificate"));
    };
    builder.set_certificate(own)?;
    for issuer in issuers {
        builder.add_extra_chain_cert(issuer.clone())?;
    }
    builder.set_private_key(&identity.key)?;
    Ok(builder.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record with one ClientHello: TLS 1.2, two suites, these extensions.
    fn hello(extensions: &[u8]) -> Vec<u8> {
        let length = extensions.len().to_le_bytes()[0];
        let body = [
            &[3, 3][..],
            &[7; 32],
            &[0],
            &[0, 6, 0x13, 1, 0, 0xFF, 0, 0x9C],
            &[1, 0],
            &[0, length],
            extensions,
        ]
        .concat();
        let length = body.len().to_le_bytes()[0];
        [&[22, 3, 1, 0, length + 4, 1, 0, 0, length][..], &body].concat()
    }

    #[test]
    fn hellos_are_read_tolerantly() {
        let plain = ClientHello::read(&hello(&[]));
        assert!(!plain.is_modern());
        assert_eq!(plain.suite(), 0x009C);
        let modern = hello(&[0, 43, 0, 3, 2, 3, 4]);
        assert!(ClientHello::read(&modern).is_modern());
        for cut in 0..modern.len() {
            assert!(!ClientHello::read(&modern[..cut]).is_modern(), "{cut} bytes");
        }
    }

    #[test]
    fn server_hellos_have_the_lengths_they_say() {
        for (version, length) in [(0x0300, 47), (0x0303, 54)] {
            let bytes = server_hello(version, &ClientHello::read(&hello(&[])), &[9; 32]);
            assert_eq!(bytes.len(), length);
            assert!(matches!(frame(&bytes), Frame::Whole(whole) if whole == length));
            assert_eq!(bytes[1..3], version.to_be_bytes());
            assert_eq!(bytes[5..9], [2, 0, 0, length.to_le_bytes()[0] - 9]);
        }
    }
}
