//! What passes on one connection, read as the live probe reads it: the bytes and, where the secrets
//! are known, the plaintext above TLS go through the same dissector.

use rdpdoctor_model::{Ending, Fact, Mechanism, Negotiation, Party, Stage};
use rdpdoctor_wire::Dissector;
use rdpdoctor_wire::tls_decrypt::{KeyLog, TlsEvent, TlsListener};

use super::side::Moment;

/// A client that leaves after so long a silence gave up waiting; a SYN is repeated after 1 s.
const GIVEN_UP_MS: f64 = 900.0;

/// When a capture ends, so long a silence before is one. Whoever stops a capture by hand does it
/// while the client's window still says that it is connecting.
const SILENT_AT_THE_END_MS: f64 = 5000.0;

/// close_notify (RFC 8446 6.1).
const CLOSE_NOTIFY: u8 = 0;

/// A fact with its place in the file.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) stage: Stage,
    pub(super) at: Moment,
    pub(super) fact: Fact,
}

/// How a connection came to its end in the capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The server's FIN was first.
    ServerFin,
    /// The server's RST was first.
    ServerReset,
    /// The client's FIN or RST was first.
    Client,
    /// The capture ends before the connection does.
    Open,
}

/// What nobody could read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// Bytes are missing in the capture.
    Hole,
    /// It is encrypted and the secrets are not there.
    Sealed,
}

/// One connection that is, or may be, Remote Desktop.
pub(super) struct Conversation {
    dissector: Dissector,
    tls: Option<TlsListener>,
    client: Preamble,
    server: Preamble,
    /// When the client's last bytes passed.
    client_spoke: Option<Moment>,
    hello: Option<Moment>,
    /// The client said that it leaves.
    client_left: bool,
    sealed_records: [u32; 2],
    ntlm: bool,
    bound: bool,
    pub(super) unread: Option<Unread>,
    pub(super) events: Vec<Event>,
}

/// The TPKT packet at the beginning of a direction; behind it TLS begins.
#[derive(Default)]
struct Preamble {
    head: Vec<u8>,
    passed: usize,
}

impl Preamble {
    /// The part of these bytes that is behind the packet.
    fn behind<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let wanted = 4_usize.saturating_sub(self.head.len());
        self.head.extend_from_slice(bytes.get(..wanted).unwrap_or(bytes));
        let before = self.passed;
        self.passed = self.passed.saturating_add(bytes.len());
        let &[_, _, high, low] = self.head.as_slice() else { return &[] };
        let length = usize::from(u16::from_be_bytes([high, low]));
        bytes.get(length.saturating_sub(before)..).unwrap_or_default()
    }
}

impl Conversation {
    pub(super) fn new() -> Self {
        Self {
            dissector: Dissector::new(),
            tls: None,
            client: Preamble::default(),
            server: Preamble::default(),
            client_spoke: None,
            hello: None,
            client_left: false,
            sealed_records: [0; 2],
            ntlm: false,
            bound: false,
            unread: None,
            events: Vec::new(),
        }
    }

    /// Bytes in order.
    pub(super) fn bytes(&mut self, from: Party, bytes: &[u8], at: Moment, secrets: &KeyLog) {
        if from == Party::Client {
            self.client_spoke = Some(at);
        }
        self.dissector.wire(from, bytes, at.ms());
        self.collect(at);
        let behind = match from {
            Party::Client => self.client.behind(bytes),
            Party::Server => self.server.behind(bytes),
        };
        if let Some(tls) = &mut self.tls
            && !behind.is_empty()
        {
            for event in tls.feed(from, behind, secrets) {
                self.heard(event, at);
            }
        }
    }

    /// Bytes are missing: nothing behind them can be understood, though it may not matter.
    pub(super) fn hole(&mut self) {
        if self.is_sealed() || self.dissector.is_done() {
            return;
        }
        self.dissector.lost();
        self.tls = None;
        self.unread = Some(Unread::Hole);
    }

    /// The connection ended, or the capture did.
    pub(super) fn end(&mut self, end: End, at: Moment) {
        let awaits = self.dissector.has_asked();
        if !awaits && self.client_spoke.is_some() {
            // Whoever ends it now leaves no question open.
            self.dissector.settle(at.ms());
            self.dissector.lost();
        }
        let silence = self.client_spoke.map_or(0.0, |spoke| at.ms() - spoke.ms());
        let ending = match end {
            _ if self.client_left => Some(Ending::ClosedByClient),
            End::ServerFin => Some(Ending::Fin),
            End::ServerReset => Some(Ending::Reset),
            End::Client if awaits && silence >= GIVEN_UP_MS => Some(Ending::Timeout),
            End::Client => Some(Ending::ClosedByClient),
            End::Open if awaits && silence >= SILENT_AT_THE_END_MS => Some(Ending::Timeout),
            End::Open => None,
        };
        match ending {
            Some(ending) => self.dissector.closed(ending, None, at.ms()),
            None => self.dissector.settle(at.ms()),
        }
        self.collect(at);
    }

    /// Messages inside TLS that nobody could read, of the client and of the server.
    pub(super) fn sealed_records(&self) -> [u32; 2] {
        self.sealed_records
    }

    /// How often the client took its turn in them.
    pub(super) fn sealed_turns(&self) -> u8 {
        self.dissector.sealed_turns()
    }

    fn is_sealed(&self) -> bool {
        self.unread == Some(Unread::Sealed)
    }

    fn heard(&mut self, event: TlsEvent, at: Moment) {
        match event {
            TlsEvent::Established { version, cipher, key_exchange } => {
                let elapsed_ms = self.hello.map_or(0.0, |hello| at.ms() - hello.ms());
                let fact = Fact::TlsEstablished { version, cipher, key_exchange, elapsed_ms };
                self.push(Stage::Tls, at, fact);
                self.dissector.established();
            }
            TlsEvent::Plaintext { from, bytes } => {
                self.dissector.plaintext(from, &bytes, at.ms());
            }
            TlsEvent::Alert { from: Party::Client, .. }
            | TlsEvent::Sealed { from: Party::Client, alert: true } => self.client_left = true,
            // What the server says when it was already left is its good-bye.
            TlsEvent::Alert { .. } | TlsEvent::Sealed { .. } if self.client_left => {}
            TlsEvent::Alert { from, level, description } => {
                let level = if description == CLOSE_NOTIFY { 1 } else { level };
                self.dissector.alert(from, level, description, at.ms());
            }
            TlsEvent::Certificates(certificates) => {
                self.push(Stage::Tls, at, Fact::ServerCertificates { certificates });
            }
            TlsEvent::Sealed { from, .. } => {
                self.unread = Some(Unread::Sealed);
                let [client, server] = &mut self.sealed_records;
                let count = if from == Party::Client { client } else { server };
                *count = count.saturating_add(1);
                self.dissector.sealed(from);
            }
            TlsEvent::Unreadable => self.unread = Some(Unread::Sealed),
        }
        self.collect(at);
    }

    /// Takes over what the dissector saw, and adds what the live probe knows because it is the
    /// client.
    fn collect(&mut self, at: Moment) {
        for event in self.dissector.take_events() {
            match &event.fact {
                Fact::ConnectionConfirm {
                    negotiation: Negotiation::Response { selected_protocol, .. },
                } if *selected_protocol != 0 => self.tls = Some(TlsListener::new()),
                Fact::ClientHello { .. } => {
                    self.hello.get_or_insert(at);
                }
                _ => {}
            }
            let own = self.client_facts(&event.fact);
            self.push(event.stage, at, event.fact);
            for fact in own {
                self.push(Stage::CredSsp, at, fact);
            }
        }
    }

    /// What a client's TSRequests tell of its steps (MS-CSSP 3.1.5).
    fn client_facts(&mut self, fact: &Fact) -> Vec<Fact> {
        let mechanism = if self.ntlm { Mechanism::Ntlm } else { Mechanism::Kerberos };
        match *fact {
            Fact::NtlmChallenge { .. } => self.ntlm = true,
            Fact::TsRequest { from: Party::Client, has_public_key_auth: true, .. } => {
                return vec![Fact::CredentialSent { mechanism }];
            }
            Fact::TsRequest { from: Party::Server, has_public_key_auth: true, .. } => {
                self.bound = true;
            }
            // Neither a token nor a proof: the credentials, which a client hands over only when
            // the server's proof was right.
            Fact::TsRequest { from: Party::Client, token_length: None, .. } if self.bound => {
                return vec![
                    Fact::PublicKeyBinding { mechanism, matches: true },
                    Fact::CredentialsDelegated { mechanism },
                ];
            }
            _ => {}
        }
        Vec::new()
    }

    fn push(&mut self, stage: Stage, at: Moment, fact: Fact) {
        self.events.push(Event { stage, at, fact });
    }
}
