//! What passes on one connection, read as the live probe reads it: the bytes and, where the secrets
//! are known, the plaintext above TLS go through the same dissector.

use rdpdoctor_model::{Awaited, Ending, Fact, Mechanism, Negotiation, Party, Stage};
use rdpdoctor_wire::gateway::LegEvent;
use rdpdoctor_wire::tls_decrypt::{KeyLog, TlsEvent, TlsListener};
use rdpdoctor_wire::{Dissector, begins_directly};

use super::beside::KerberosStream;
use super::carried::{Carried, Said};
use super::side::Moment;

/// A client that leaves after so long a silence gave up waiting; a SYN is repeated after 1 s.
pub(super) const GIVEN_UP_MS: f64 = 900.0;

/// When a capture ends, so long a silence before is one. Whoever stops a capture by hand does it
/// while the client's window still says that it is connecting.
pub(super) const SILENT_AT_THE_END_MS: f64 = 5000.0;

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
    /// The gateway that carried it broke off.
    Cut,
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
    /// It was open before the capture began, and how it began is not there.
    Midway,
}

/// One connection that is, or may be, Remote Desktop, or the way to a gateway.
pub(super) struct Conversation {
    dissector: Dissector,
    /// What is inside its TLS, where that is not Remote Desktop.
    carried: Option<Carried>,
    tls: Option<TlsListener>,
    approach: Approach,
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

/// How the client begins.
enum Approach {
    /// Nobody saw it connect: what comes first is its beginning, or not.
    PerhapsMidway,
    /// These first bytes do not tell it yet.
    Untold(Vec<u8>),
    /// With a Connection Request, or another word in clear.
    InClear,
    /// With TLS.
    Tls,
}

/// Whether these bytes open the negotiation: a Connection Request or a Connection Confirm in TPKT.
fn opens_negotiation(from: Party, bytes: &[u8]) -> bool {
    match (from, bytes) {
        (Party::Client, &[3, 0, _, _, _, code, ..]) => code & 0xF0 == 0xE0,
        (Party::Server, &[3, 0, _, _, _, code, ..]) => code & 0xF0 == 0xD0,
        _ => false,
    }
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
        Self::over(Dissector::new().without_keys(), None)
    }

    /// One that nobody saw connect.
    pub(super) fn perhaps_midway() -> Self {
        Self { approach: Approach::PerhapsMidway, ..Self::new() }
    }

    /// TLS from the first byte; what is inside will tell what it is for.
    pub(super) fn of_tls() -> Self {
        let tls = Some(TlsListener::new());
        let approach = Approach::Tls;
        Self { tls, approach, ..Self::over(Dissector::of_gateway(), Some(Carried::default())) }
    }

    /// The dialog with a proxy, which somebody else reads.
    pub(super) fn to_proxy() -> Self {
        let mut dissector = Dissector::new();
        dissector.outside(Awaited::Nothing);
        Self { approach: Approach::InClear, ..Self::over(dissector, None) }
    }

    /// What was said to the proxy inside its TLS since the last call.
    pub(super) fn take_passed(&mut self) -> Vec<Said> {
        self.carried.as_mut().map(Carried::take_passed).unwrap_or_default()
    }

    /// TLS that turned out to lead to a proxy.
    pub(super) fn turn_outside(&mut self) {
        self.dissector.turn_outside();
        self.events.iter_mut().for_each(|event| event.stage = Stage::Tls);
    }

    /// Whether it is Remote Desktop that began with TLS (MS-RDPBCGR 5.4.2.2).
    pub(super) fn is_direct(&self) -> bool {
        self.carried.is_none() && matches!(self.approach, Approach::Tls)
    }

    /// What the client waits for from the proxy.
    pub(super) fn await_proxy(&mut self, awaited: Awaited) {
        self.dissector.outside(awaited);
    }

    /// Somebody else saw something on it.
    pub(super) fn note(&mut self, stage: Stage, at: Moment, fact: Fact) {
        self.push(stage, at, fact);
    }

    fn over(dissector: Dissector, carried: Option<Carried>) -> Self {
        Self {
            dissector,
            carried,
            tls: None,
            approach: Approach::Untold(Vec::new()),
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
        if matches!(self.approach, Approach::PerhapsMidway) {
            self.approach = Approach::Untold(Vec::new());
            if !opens_negotiation(from, bytes) {
                self.leave_unread(Unread::Midway);
            }
        }
        match self.begin(from, bytes, at) {
            None => {}
            Some(kept) if kept.is_empty() => self.pass(from, bytes, at, secrets),
            Some(kept) => {
                self.pass(Party::Client, &kept, at, secrets);
                if from == Party::Server {
                    self.pass(from, bytes, at, secrets);
                }
            }
        }
    }

    /// The client's first bytes, once they tell how it begins; nothing behind them, and `None` before.
    fn begin(&mut self, from: Party, bytes: &[u8], at: Moment) -> Option<Vec<u8>> {
        let Approach::Untold(kept) = &mut self.approach else { return Some(Vec::new()) };
        let directly = match from {
            Party::Client => {
                kept.extend_from_slice(bytes);
                begins_directly(kept)?
            }
            Party::Server => false,
        };
        let kept = std::mem::take(kept);
        self.approach = if directly { Approach::Tls } else { Approach::InClear };
        if directly {
            self.dissector.direct();
            self.tls = Some(TlsListener::new());
            self.push(Stage::X224, at, Fact::DirectApproach);
        }
        Some(kept)
    }

    /// What was taken for the way to a gateway is Remote Desktop itself.
    fn turn_direct(&mut self) {
        let passed = self.take_passed();
        self.carried = None;
        self.dissector.turn_direct();
        self.events.iter_mut().for_each(|event| event.stage = Stage::Tls);
        if let Some(at) = self.events.first().map(|event| event.at) {
            let fact = Fact::DirectApproach;
            self.events.insert(0, Event { stage: Stage::X224, at, fact });
        }
        for (from, at, bytes) in passed {
            self.dissector.plaintext(from, &bytes, at.ms());
            self.collect(at);
        }
    }

    fn pass(&mut self, from: Party, bytes: &[u8], at: Moment, secrets: &KeyLog) {
        self.dissector.wire(from, bytes, at.ms());
        self.collect(at);
        let behind = match from {
            _ if matches!(self.approach, Approach::Tls) => bytes,
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
        // What is carried inside goes on when nothing more is read of the way to it.
        let is_done = self.dissector.is_done() && self.carried.is_none();
        if self.is_sealed() || is_done {
            return;
        }
        self.leave_unread(Unread::Hole);
    }

    /// Bytes are missing on the way to it, and whatever was answered there.
    pub(super) fn torn(&mut self) {
        self.hole();
        self.dissector.lost();
    }

    /// Nothing that follows can be understood.
    fn leave_unread(&mut self, why: Unread) {
        self.dissector.lost();
        self.approach = Approach::InClear;
        self.tls = None;
        self.unread = Some(why);
    }

    /// Bytes of its TLS, and of what is inside, that wait for others.
    pub(super) fn held(&self) -> usize {
        let tls = self.tls.as_ref().map_or(0, TlsListener::held);
        tls + self.carried.as_ref().map_or(0, Carried::held)
    }

    /// What is inside its TLS, where that is not Remote Desktop.
    pub(super) fn carried(&self) -> Option<&Carried> {
        self.carried.as_ref()
    }

    /// Messages of a key distribution centre that pass inside its TLS.
    pub(super) fn kerberos(&mut self) -> Option<&mut KerberosStream> {
        self.carried.as_mut().and_then(Carried::kerberos)
    }

    /// Whether it leads to a gateway, or may.
    pub(super) fn is_of_gateway(&self) -> bool {
        self.carried.as_ref().is_some_and(|carried| carried.leg().is_some() || carried.is_rpc())
    }

    /// What a gateway's connection showed for its tunnel since the last call.
    pub(super) fn take_said(&mut self) -> Vec<(Moment, LegEvent)> {
        self.carried.as_mut().map(Carried::take_said).unwrap_or_default()
    }

    /// What the client of a tunnel waits for, and since when, on whichever connection it asked.
    pub(super) fn tunnel_awaits(&mut self, awaited: Awaited, asked: Option<Moment>) {
        self.dissector.await_gateway(awaited);
        if asked.is_some_and(|asked| self.client_spoke.is_none_or(|own| own.nanos < asked.nanos)) {
            self.client_spoke = asked;
        }
    }

    /// The connection ended, or the capture did.
    pub(super) fn end(&mut self, end: End, at: Moment) {
        if let Approach::Untold(kept) = &mut self.approach
            && !kept.is_empty()
        {
            let kept = std::mem::take(kept);
            self.dissector.wire(Party::Client, &kept, at.ms());
            self.collect(at);
        }
        if self.dissector.sealed_pdus() != [0; 2] {
            self.unread.get_or_insert(Unread::Sealed);
        }
        if let Some(awaited) = self.carried.as_ref().and_then(Carried::awaited) {
            self.dissector.await_gateway(awaited);
        }
        let awaits = self.dissector.has_asked();
        // Whoever carries waits for nothing in particular.
        let in_question = awaits && self.dissector.awaited() != Awaited::GatewayData;
        let closed = self.carried.as_ref().is_some_and(Carried::is_closed_by_gateway);
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
            End::Cut => Some(Ending::Failed),
            End::Client if closed => Some(Ending::Fin),
            End::Client if in_question && silence >= GIVEN_UP_MS => Some(Ending::Timeout),
            End::Client => Some(Ending::ClosedByClient),
            End::Open if in_question && silence >= SILENT_AT_THE_END_MS => Some(Ending::Timeout),
            End::Open => None,
        };
        match ending {
            Some(ending) => self.dissector.closed(ending, None, at.ms()),
            None => self.dissector.settle(at.ms()),
        }
        self.collect(at);
    }

    /// Messages that nobody could read, inside TLS or by Standard RDP Security, of the client and of
    /// the server.
    pub(super) fn sealed_records(&self) -> [u32; 2] {
        let [client, server] = self.sealed_records;
        let [own, answers] = self.dissector.sealed_pdus();
        [client.saturating_add(own), server.saturating_add(answers)]
    }

    /// How often the client took its turn in them.
    pub(super) fn sealed_turns(&self) -> u8 {
        self.dissector.sealed_turns()
    }

    /// The stage of its TLS.
    fn stage(&self) -> Stage {
        self.dissector.only_stage().unwrap_or(Stage::Tls)
    }

    fn is_sealed(&self) -> bool {
        self.unread == Some(Unread::Sealed)
    }

    fn heard(&mut self, event: TlsEvent, at: Moment) {
        match event {
            TlsEvent::Established { version, cipher, key_exchange } => {
                let elapsed_ms = self.hello.map_or(0.0, |hello| at.ms() - hello.ms());
                let fact = Fact::TlsEstablished { version, cipher, key_exchange, elapsed_ms };
                self.push(self.stage(), at, fact);
                self.dissector.established();
            }
            TlsEvent::Plaintext { from, bytes } => match &mut self.carried {
                Some(carried) => {
                    let facts = carried.plaintext(from, &bytes, at);
                    let is_direct = matches!(carried, Carried::Direct(_));
                    facts.into_iter().for_each(|fact| self.push(Stage::Gateway, at, fact));
                    if is_direct {
                        self.turn_direct();
                    }
                }
                None => self.dissector.plaintext(from, &bytes, at.ms()),
            },
            TlsEvent::Alert { from: Party::Client, .. }
            | TlsEvent::Sealed { from: Party::Client, alert: true } => self.client_left = true,
            // What the server says when it was already left is its good-bye.
            TlsEvent::Alert { .. } | TlsEvent::Sealed { .. } if self.client_left => {}
            TlsEvent::Alert { from, level, description } => {
                let level = if description == CLOSE_NOTIFY { 1 } else { level };
                self.dissector.alert(from, level, description, at.ms());
            }
            TlsEvent::Certificates(certificates) => {
                self.push(self.stage(), at, Fact::ServerCertificates { certificates });
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
                } if *selected_protocol != 0 && !self.is_direct() => {
                    self.tls = Some(TlsListener::new());
                }
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
