//! TLS as somebody sees it who only listens: when the handshake is finished, and, where the secrets
//! are known, what passes inside.
//!
//! Passive decryption is in no library that fits: `rustls` and OpenSSL are an end of the connection
//! and cannot be given another's keys, so the key schedule and the record layer stand here on
//! RustCrypto's and `ring`'s primitives.

mod kdf;
mod keylog;
mod record;
mod suites;

use rdpdoctor_model::{Certificate, Party, Secret};
use tls_parser::{
    TlsExtension, TlsExtensionType, parse_tls_handshake_client_hello,
    parse_tls_handshake_server_hello, parse_tls_server_hello_extensions,
};

pub use keylog::KeyLog;

use self::kdf::{expand_label, prf};
use self::record::{Keys, Opener};
use self::suites::{KeyExchange, Suite};
use crate::certificate::read_certificate;
use crate::reader::Reader;
use crate::tls::{
    ALERT, APPLICATION_DATA, CERTIFICATE, CHANGE_CIPHER_SPEC, CLIENT_HELLO, HANDSHAKE,
    HELLO_RETRY_REQUEST, LONGEST_MESSAGE, LONGEST_RECORD, SERVER_HELLO,
};

const SERVER_KEY_EXCHANGE: u8 = 12;
const FINISHED: u8 = 20;
const KEY_UPDATE: u8 = 24;

/// RFC 7366 2.
const ENCRYPT_THEN_MAC: TlsExtensionType = TlsExtensionType(22);

const TLS_1_3: u16 = 0x0304;

/// A Finished of TLS 1.3 with its type and tag: nothing shorter ends a handshake.
const SHORTEST_FINISHED: usize = 4 + 32 + 1 + 16;

/// An alert of TLS 1.3 with its type and tag.
const SEALED_ALERT: usize = 2 + 1 + 16;

/// Most certificates of one chain.
const MOST_CERTIFICATES: usize = 16;

/// What was heard.
#[derive(Debug, PartialEq)]
pub enum TlsEvent {
    /// Both sides finished the handshake.
    Established {
        /// The version agreed.
        version: u16,
        /// The suite's name in OpenSSL's spelling, or its number.
        cipher: String,
        /// The key exchange, where it could be read.
        key_exchange: Option<String>,
    },
    /// What passed inside.
    Plaintext {
        /// Who sent it.
        from: Party,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// An alert that was encrypted.
    Alert {
        /// Who sent it.
        from: Party,
        /// 1 warning, 2 fatal.
        level: u8,
        /// The description's number.
        description: u8,
    },
    /// The server's certificates, which TLS 1.3 encrypts.
    Certificates(Vec<Certificate>),
    /// Something passed inside that cannot be read without the secrets.
    Sealed {
        /// Who sent it.
        from: Party,
        /// Whether it is an alert.
        alert: bool,
    },
    /// The secrets that are there do not open it.
    Unreadable,
}

/// Listens to one TLS connection. Holds a record and a handshake message of each direction at most.
pub struct TlsListener {
    client: Lane,
    server: Lane,
    client_random: Option<[u8; 32]>,
    agreed: Option<Agreed>,
    established: bool,
    events: Vec<TlsEvent>,
}

/// What the hellos agreed on.
#[derive(Clone)]
struct Agreed {
    version: u16,
    suite: u16,
    server_random: [u8; 32],
    encrypt_then_mac: bool,
    key_exchange: Option<String>,
}

/// One direction.
#[derive(Default)]
struct Lane {
    records: Vec<u8>,
    messages: Vec<u8>,
    opener: Option<Opener>,
    /// What the opener's keys were made of, in TLS 1.3.
    secret: Option<Secret>,
    /// What follows is encrypted.
    encrypted: bool,
    finished: bool,
    broken: bool,
}

impl Default for TlsListener {
    fn default() -> Self {
        Self::new()
    }
}

impl TlsListener {
    /// For a connection that begins with the client's hello.
    pub fn new() -> Self {
        Self {
            client: Lane::default(),
            server: Lane::default(),
            client_random: None,
            agreed: None,
            established: false,
            events: Vec::new(),
        }
    }

    /// Takes bytes in and says what they show.
    pub fn feed(&mut self, from: Party, bytes: &[u8], secrets: &KeyLog) -> Vec<TlsEvent> {
        if self.lane(from).broken {
            return Vec::new();
        }
        // As a rule a segment holds whole records, of which nothing needs to be kept.
        let mut records = std::mem::take(&mut self.lane(from).records);
        let begun = !records.is_empty();
        if begun {
            records.extend_from_slice(bytes);
        }
        let mut rest = if begun { records.as_slice() } else { bytes };
        while let Some((&header, body)) = rest.split_first_chunk::<5>() {
            let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
            let known = (CHANGE_CIPHER_SPEC..=APPLICATION_DATA).contains(&header[0]);
            if !known || header[1] != 3 || length > LONGEST_RECORD {
                self.lane(from).broken = true;
                return std::mem::take(&mut self.events);
            }
            let Some((content, behind)) = body.split_at_checked(length) else { break };
            rest = behind;
            self.record(from, header, content, secrets);
        }
        let left = rest.len();
        if begun {
            records.drain(..records.len() - left);
        } else {
            records.extend_from_slice(&bytes[bytes.len() - left..]);
        }
        self.lane(from).records = records;
        std::mem::take(&mut self.events)
    }

    /// Bytes that wait for others: of records and of handshake messages.
    pub fn held(&self) -> usize {
        let of_lane = |lane: &Lane| lane.records.len() + lane.messages.len();
        of_lane(&self.client) + of_lane(&self.server)
    }

    /// Whether both sides finished the handshake.
    pub fn is_established(&self) -> bool {
        self.established
    }

    fn lane(&mut self, from: Party) -> &mut Lane {
        match from {
            Party::Client => &mut self.client,
            Party::Server => &mut self.server,
        }
    }

    fn record(&mut self, from: Party, header: [u8; 5], content: &[u8], secrets: &KeyLog) {
        let kind = header[0];
        let version = self.agreed.as_ref().map_or(0, |agreed| agreed.version);
        if kind == CHANGE_CIPHER_SPEC {
            // TLS 1.3 sends it for the middleboxes' sake (RFC 8446 D.4).
            if version < TLS_1_3 {
                let opener = self.legacy_opener(from, secrets);
                let lane = self.lane(from);
                lane.opener = if lane.encrypted { None } else { opener };
                lane.encrypted = true;
            }
            return;
        }
        let lane = self.lane(from);
        if !lane.encrypted {
            if kind == HANDSHAKE {
                self.messages(from, content, secrets);
            }
            return;
        }
        let Some(opener) = &mut lane.opener else {
            self.sealed(from, kind, content.len(), version);
            return;
        };
        let Some((kind, plain)) = opener.open(header, content) else {
            lane.opener = None;
            self.events.push(TlsEvent::Unreadable);
            self.sealed(from, kind, content.len(), version);
            return;
        };
        match (kind, plain.as_slice()) {
            (HANDSHAKE, _) => self.messages(from, &plain, secrets),
            (ALERT, &[level, description]) => {
                self.events.push(TlsEvent::Alert { from, level, description });
            }
            (APPLICATION_DATA, [_, ..]) => {
                self.events.push(TlsEvent::Plaintext { from, bytes: plain });
            }
            _ => {}
        }
    }

    /// A record that nobody can read: its kind and length still say something.
    fn sealed(&mut self, from: Party, kind: u8, length: usize, version: u16) {
        if self.established {
            let alert = kind == ALERT || (version >= TLS_1_3 && length == SEALED_ALERT);
            self.events.push(TlsEvent::Sealed { from, alert });
            return;
        }
        let finished = match from {
            _ if version < TLS_1_3 => kind == HANDSHAKE,
            // The server's flight: where its Finished is cannot be seen.
            Party::Server => true,
            Party::Client => length >= SHORTEST_FINISHED && self.server.finished,
        };
        if finished {
            self.lane(from).finished = true;
            self.check_established();
        }
    }

    fn check_established(&mut self) {
        if self.established || !(self.client.finished && self.server.finished) {
            return;
        }
        let Some(agreed) = &self.agreed else { return };
        self.established = true;
        let cipher = suites::name(agreed.suite)
            .map_or_else(|| format!("{:#06x}", agreed.suite), str::to_owned);
        self.events.push(TlsEvent::Established {
            version: agreed.version,
            cipher,
            key_exchange: agreed.key_exchange.clone(),
        });
    }

    /// Handshake messages, in clear or opened.
    fn messages(&mut self, from: Party, content: &[u8], secrets: &KeyLog) {
        self.lane(from).messages.extend_from_slice(content);
        loop {
            let lane = self.lane(from);
            let [kind, a, b, c, ..] = lane.messages[..] else { return };
            let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
            if length > LONGEST_MESSAGE {
                lane.broken = true;
                return;
            }
            if lane.messages.len() < 4 + length {
                return;
            }
            let message: Vec<u8> = lane.messages.drain(..4 + length).collect();
            self.message(from, kind, &message[4..], secrets);
        }
    }

    fn message(&mut self, from: Party, kind: u8, body: &[u8], secrets: &KeyLog) {
        let modern = self.agreed.as_ref().is_some_and(|agreed| agreed.version >= TLS_1_3);
        match (from, kind) {
            (Party::Client, CLIENT_HELLO) => {
                let hello = parse_tls_handshake_client_hello(body).ok();
                self.client_random = hello.and_then(|(_, hello)| hello.random.try_into().ok());
            }
            (Party::Server, SERVER_HELLO) => {
                self.agreed = server_hello(body);
                if self.agreed.as_ref().is_some_and(|agreed| agreed.version >= TLS_1_3) {
                    for from in [Party::Client, Party::Server] {
                        self.traffic_keys(from, false, secrets);
                    }
                }
            }
            (Party::Server, SERVER_KEY_EXCHANGE) => {
                if let Some(agreed) = &mut self.agreed {
                    agreed.key_exchange = key_exchange(agreed.suite, body);
                }
            }
            (Party::Server, CERTIFICATE) if modern => {
                if let Some(certificates) = certificates(body) {
                    self.events.push(TlsEvent::Certificates(certificates));
                }
            }
            (_, FINISHED) => {
                self.lane(from).finished = true;
                self.check_established();
                if modern {
                    self.traffic_keys(from, true, secrets);
                }
            }
            (_, KEY_UPDATE) if modern => self.update(from),
            _ => {}
        }
    }

    /// The keys of a direction of TLS 1.0 to 1.2 (RFC 5246 6.3).
    fn legacy_opener(&self, from: Party, secrets: &KeyLog) -> Option<Opener> {
        let agreed = self.agreed.as_ref()?;
        let client_random = self.client_random?;
        let Suite { bulk, mac, hash, .. } = suites::suite(agreed.suite)?;
        let master = secrets.of(&client_random)?.master.as_ref()?;
        let mac_length = mac.map_or(0, suites::Hash::length);
        let (key_length, iv_length) = (bulk.key_length(), bulk.iv_length(agreed.version));
        let seed = [agreed.server_random, client_random].concat();
        let length = 2 * (mac_length + key_length + iv_length);
        let (version, label) = (agreed.version, b"key expansion");
        let block = prf(version, hash, master.expose(), label, &seed, length)?;
        let second = usize::from(from == Party::Server);
        let mut reader = Reader(&block);
        let mut pick = |length: usize| {
            let both = reader.take(2 * length)?;
            both.get(second * length..(second + 1) * length).map(<[u8]>::to_vec)
        };
        let keys = Keys { mac: pick(mac_length)?, key: pick(key_length)?, iv: pick(iv_length)? };
        Opener::new(version, bulk, mac, agreed.encrypt_then_mac, keys)
    }

    /// A direction of TLS 1.3 goes on with the keys of the handshake or of what follows it.
    fn traffic_keys(&mut self, from: Party, application: bool, secrets: &KeyLog) {
        let known = self.client_random.and_then(|random| secrets.of(&random));
        let secret = known.and_then(|known| match (from, application) {
            (Party::Client, false) => known.client_handshake.as_ref(),
            (Party::Server, false) => known.server_handshake.as_ref(),
            (Party::Client, true) => known.client_traffic.as_ref(),
            (Party::Server, true) => known.server_traffic.as_ref(),
        });
        self.change_keys(from, secret.map(|secret| Secret::new(secret.expose().to_vec())));
    }

    /// What follows is encrypted by this secret of TLS 1.3.
    fn change_keys(&mut self, from: Party, secret: Option<Secret>) {
        let suite = self.agreed.as_ref().and_then(|agreed| suites::suite(agreed.suite));
        let opener = secret.as_ref().zip(suite).and_then(|(secret, suite)| {
            let secret = secret.expose();
            let keys = Keys {
                mac: Vec::new(),
                key: expand_label(suite.hash, secret, "key", suite.bulk.key_length())?,
                iv: expand_label(suite.hash, secret, "iv", 12)?,
            };
            Opener::new(TLS_1_3, suite.bulk, None, false, keys)
        });
        let lane = self.lane(from);
        lane.opener = opener;
        lane.secret = secret;
        lane.encrypted = true;
    }

    /// The next secret of a direction follows from the present one (RFC 8446 7.2).
    fn update(&mut self, from: Party) {
        let suite = self.agreed.as_ref().and_then(|agreed| suites::suite(agreed.suite));
        let secret = self.lane(from).secret.take();
        let next = secret.zip(suite).and_then(|(secret, suite)| {
            let length = suite.hash.length();
            expand_label(suite.hash, secret.expose(), "traffic upd", length).map(Secret::new)
        });
        if next.is_none() {
            self.events.push(TlsEvent::Unreadable);
        }
        self.change_keys(from, next);
    }
}

/// `None` for what cannot be read, and for a HelloRetryRequest.
fn server_hello(body: &[u8]) -> Option<Agreed> {
    let (_, hello) = parse_tls_handshake_server_hello(body).ok()?;
    if hello.random == HELLO_RETRY_REQUEST {
        return None;
    }
    let extensions =
        hello.ext.and_then(|ext| parse_tls_server_hello_extensions(ext).ok()).unwrap_or_default().1;
    let mut agreed = Agreed {
        version: hello.version.0,
        suite: hello.cipher.0,
        server_random: hello.random.try_into().ok()?,
        encrypt_then_mac: false,
        key_exchange: None,
    };
    for extension in &extensions {
        match extension {
            TlsExtension::SupportedVersions(versions) => {
                agreed.version = versions.first().map_or(agreed.version, |version| version.0);
            }
            // `tls-parser` takes it for number 21 in a ServerHello.
            TlsExtension::EncryptThenMac | TlsExtension::Unknown(ENCRYPT_THEN_MAC, _) => {
                agreed.encrypt_then_mac = true;
            }
            TlsExtension::KeyShare([high, low, ..]) => {
                agreed.key_exchange = group(u16::from_be_bytes([*high, *low]));
            }
            _ => {}
        }
    }
    let by_suite = suites::suite(agreed.suite).map(|suite| suite.key_exchange);
    if by_suite == Some(KeyExchange::Rsa) {
        agreed.key_exchange = Some("RSA".to_owned());
    }
    Some(agreed)
}

/// What a ServerKeyExchange says (RFC 8422 5.4, RFC 5246 7.4.3), in the words of the live probe.
fn key_exchange(suite: u16, body: &[u8]) -> Option<String> {
    match suites::suite(suite)?.key_exchange {
        // ECCurveType named_curve.
        KeyExchange::Ecdhe if body.first() == Some(&3) => {
            group(u16::from_be_bytes([*body.get(1)?, *body.get(2)?]))
        }
        KeyExchange::Dhe => {
            let length = usize::from(u16::from_be_bytes([*body.first()?, *body.get(1)?]));
            let prime = body.get(2..2 + length)?;
            let zeros = prime.iter().take_while(|&&byte| byte == 0).count();
            let first = prime.get(zeros)?.leading_zeros();
            let bits = u32::try_from((length - zeros) * 8).ok()? - first;
            Some(format!("DHE {bits} bit"))
        }
        _ => None,
    }
}

/// A named group (RFC 8446 4.2.7).
fn group(number: u16) -> Option<String> {
    Some(match number {
        23 => "P-256".to_owned(),
        24 => "P-384".to_owned(),
        25 => "secp521r1".to_owned(),
        29 => "X25519".to_owned(),
        30 => "X448".to_owned(),
        _ => return None,
    })
}

/// The Certificate message of TLS 1.3 (RFC 8446 4.4.2); `tls-parser` reads the older form only.
fn certificates(body: &[u8]) -> Option<Vec<Certificate>> {
    let mut reader = Reader(body);
    let context = usize::from(reader.u8()?);
    reader.take(context)?;
    let length = length_of_three(&mut reader)?;
    let mut list = Reader(reader.take(length)?);
    let mut read = Vec::new();
    while !list.0.is_empty() && read.len() < MOST_CERTIFICATES {
        let length = length_of_three(&mut list)?;
        read.push(read_certificate(list.take(length)?).ok()?);
        let extensions = usize::from(list.u16_be()?);
        list.take(extensions)?;
    }
    Some(read)
}

fn length_of_three(reader: &mut Reader<'_>) -> Option<usize> {
    let bytes = reader.take(3)?;
    Some(bytes.iter().fold(0, |value, &byte| value << 8 | usize::from(byte)))
}
