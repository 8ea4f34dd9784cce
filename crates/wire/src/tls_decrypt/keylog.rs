//! Secrets of TLS connections in the format of `SSLKEYLOGFILE` (RFC 9850), which stands in a file of
//! its own or in a capture's Decryption Secrets Block.

use std::collections::HashMap;
use std::sync::Arc;

use rdpdoctor_model::Secret;

/// Most connections whose secrets are kept.
const MOST_CONNECTIONS: usize = 10_000;

/// The longest secret: a TLS 1.3 traffic secret of SHA-384, or a master secret, has 48 bytes.
const LONGEST_SECRET: usize = 64;

/// The secrets of connections, by the random of their ClientHello.
#[derive(Debug, Clone, Default)]
pub struct KeyLog {
    connections: HashMap<[u8; 32], Secrets>,
}

/// What is known of one connection. A copy shares the secrets.
#[derive(Debug, Clone, Default)]
pub(super) struct Secrets {
    /// TLS 1.0 to 1.2.
    pub(super) master: Option<Arc<Secret>>,
    pub(super) client_handshake: Option<Arc<Secret>>,
    pub(super) server_handshake: Option<Arc<Secret>>,
    pub(super) client_traffic: Option<Arc<Secret>>,
    pub(super) server_traffic: Option<Arc<Secret>>,
}

impl KeyLog {
    /// No secret at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// Takes in the lines of a key log; what is no line of one is passed over.
    pub fn read(&mut self, text: &[u8]) {
        for line in text.split(|&byte| byte == b'\n') {
            self.line(line);
        }
    }

    fn line(&mut self, line: &[u8]) -> Option<()> {
        let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
        let (label, random, secret) = (words.next()?, words.next()?, words.next()?);
        let random: [u8; 32] = unhex(random, 32)?.try_into().ok()?;
        let secret = Secret::new(unhex(secret, LONGEST_SECRET)?);
        if self.connections.len() >= MOST_CONNECTIONS && !self.connections.contains_key(&random) {
            return None;
        }
        let known = self.connections.entry(random).or_default();
        let place = match label {
            "CLIENT_RANDOM" => &mut known.master,
            "CLIENT_HANDSHAKE_TRAFFIC_SECRET" => &mut known.client_handshake,
            "SERVER_HANDSHAKE_TRAFFIC_SECRET" => &mut known.server_handshake,
            "CLIENT_TRAFFIC_SECRET_0" => &mut known.client_traffic,
            "SERVER_TRAFFIC_SECRET_0" => &mut known.server_traffic,
            _ => return None,
        };
        *place = Some(Arc::new(secret));
        Some(())
    }

    pub(super) fn of(&self, random: &[u8; 32]) -> Option<&Secrets> {
        self.connections.get(random)
    }
}

fn unhex(text: &str, longest: usize) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.is_empty() || !digits.len().is_multiple_of(2) || digits.len() / 2 > longest {
        return None;
    }
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|v| u8::try_from(v).ok());
    digits.chunks_exact(2).map(|pair| Some(value(pair[0])? << 4 | value(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_count_and_lines_that_do_not() {
        let mut log = KeyLog::new();
        let random = "0b".repeat(32);
        log.read(
            format!(
                "# comment\r\nCLIENT_RANDOM {random} {}\r\nEXPORTER_SECRET {random} aa\nCLIENT_RANDOM {random}\n\
                 CLIENT_RANDOM zz aa\nSERVER_TRAFFIC_SECRET_0 {random} 0102",
                "AB".repeat(48)
            )
            .as_bytes(),
        );
        let secrets = log.of(&[0x0B; 32]).expect("known");
        assert_eq!(secrets.master.as_ref().map(|s| s.expose().to_vec()), Some(vec![0xAB; 48]));
        assert_eq!(secrets.server_traffic.as_ref().map(|s| s.expose().to_vec()), Some(vec![1, 2]));
        assert!(secrets.client_traffic.is_none());
        assert!(!format!("{log:?}").contains("171"), "secrets are not shown");
    }
}
