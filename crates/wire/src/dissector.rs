mod phases;

use rdpdoctor_model::{Awaited, Ending, Fact, Hex, Party, ServiceKind, Stage};

use crate::security::SEC_ENCRYPT;
use crate::tls::HandshakeReader;

/// PROTOCOL_RDP: Standard RDP Security (MS-RDPBCGR 2.2.1.2.1).
const PROTOCOL_RDP: u32 = 0;
/// PROTOCOL_SSL.
const PROTOCOL_SSL: u32 = 1;
/// PROTOCOL_HYBRID and PROTOCOL_HYBRID_EX.
const PROTOCOLS_CREDSSP: [u32; 2] = [2, 8];
const PROTOCOL_HYBRID: u32 = 2;
const PROTOCOL_HYBRID_EX: u32 = 8;

/// The I/O channel where the Connect Response does not name it.
const USUAL_IO_CHANNEL: u16 = 1003;

/// Most bytes kept for a message that does not end, where the phase itself sets no limit.
const MOST_KEPT: usize = 64 * 1024;

/// Most facts of one connection; an ordinary one has about a dozen.
const MOST_FACTS: usize = 200;

/// The first bytes of what breaks the rules, as many as a fact keeps.
const MOST_SHOWN: usize = 32;

/// The same where a cookie for UDP may stand behind them: TPKT, X.224, MCS, the security header and
/// what precedes the cookie (MS-RDPBCGR 2.2.15.1) are longer.
const MOST_SHOWN_BEFORE_COOKIE: usize = 24;

/// What a connection showed, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The stage it belongs to.
    pub stage: Stage,
    /// Milliseconds, on the clock of whoever feeds the dissector.
    pub at_ms: f64,
    /// What was seen.
    pub fact: Fact,
}

/// Reads one connection passively: bytes of both directions in, facts out.
///
/// It holds no more than one incomplete message of each direction (at most 128 KiB of a chain of
/// certificates), never waits and never fails: what it cannot read becomes a fact as well.
pub struct Dissector {
    phase: Phase,
    /// Bytes of the present phase that complete no message yet.
    client: Vec<u8>,
    server: Vec<u8>,
    client_tls: HandshakeReader,
    server_tls: HandshakeReader,
    selected_protocol: u32,
    sent: u64,
    received: u64,
    last_sent_ms: f64,
    /// What the client waits for behind the TLS handshake.
    awaiting: Awaited,
    io_channel: u16,
    /// What concerns the connection itself (MS-RDPBCGR 2.2.1.4.5).
    message_channel: Option<u16>,
    /// Standard RDP Security: every PDU has a security header.
    secured: bool,
    /// How often the client took its turn inside TLS that nobody can read.
    sealed_turns: u8,
    /// The client said something since the handshake, or the stage behind it, began.
    asked: bool,
    /// Nobody holds the keys of Standard RDP Security.
    keyless: bool,
    /// And so many PDUs passed for which they were needed, of the client and of the server.
    sealed_pdus: [u32; 2],
    ended: bool,
    seen: usize,
    /// TLS and CredSSP come first, and the negotiation inside them (MS-RDPBCGR 5.4.2.2).
    direct: bool,
    /// The one stage that everything on this connection belongs to.
    only_stage: Option<Stage>,
    events: Vec<Event>,
}

/// Where the connection is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    /// Up to the Connection Confirm.
    #[default]
    Negotiation,
    /// TLS, before the ServerHello.
    ClientHello,
    /// TLS, behind it.
    Handshake,
    /// TSRequests inside TLS.
    CredSsp,
    /// The Early User Authorization Result.
    EarlyAuthorization,
    /// MCS Connect, inside TLS or not.
    Mcs,
    /// Channels and what passes on them.
    Channels,
    /// Not Remote Desktop but what carries it: counted, not read.
    Outside,
    /// Inside the TLS of a gateway: what passes is somebody else's to read.
    Carrier,
    /// Nothing more is read.
    Done,
}

impl Default for Dissector {
    fn default() -> Self {
        Self {
            phase: Phase::default(),
            client: Vec::new(),
            server: Vec::new(),
            client_tls: HandshakeReader::default(),
            server_tls: HandshakeReader::default(),
            selected_protocol: PROTOCOL_RDP,
            sent: 0,
            received: 0,
            last_sent_ms: 0.0,
            awaiting: Awaited::Nothing,
            io_channel: USUAL_IO_CHANNEL,
            message_channel: None,
            secured: false,
            sealed_turns: 0,
            asked: false,
            keyless: false,
            sealed_pdus: [0; 2],
            ended: false,
            seen: 0,
            direct: false,
            only_stage: None,
            events: Vec::new(),
        }
    }
}

impl Dissector {
    /// A dissector for a connection that has just been opened.
    pub fn new() -> Self {
        Self::default()
    }

    /// A dissector for a connection to an RD Gateway, which begins with TLS; all that is seen on it
    /// belongs to the stage `gateway`.
    pub fn of_gateway() -> Self {
        let only_stage = Some(Stage::Gateway);
        Self { phase: Phase::ClientHello, only_stage, ..Self::default() }
    }

    /// The one stage that all of it belongs to, where there is one.
    pub fn only_stage(&self) -> Option<Stage> {
        self.only_stage
    }

    /// What the client of a gateway waits for from now on.
    pub fn await_gateway(&mut self, awaited: Awaited) {
        self.awaiting = awaited;
    }

    /// Bytes as they pass on the wire.
    pub fn wire(&mut self, from: Party, bytes: &[u8], at_ms: f64) {
        match from {
            Party::Client => {
                self.sent += bytes.len() as u64;
                self.last_sent_ms = at_ms;
            }
            Party::Server => self.received += bytes.len() as u64,
        }
        match self.phase {
            Phase::Negotiation if !self.direct => self.negotiation(from, bytes, at_ms),
            Phase::ClientHello | Phase::Handshake => {
                self.asked |= from == Party::Client;
                self.handshake(from, bytes, at_ms);
            }
            Phase::Mcs if self.in_clear() => {
                self.asked |= from == Party::Client;
                self.mcs(from, bytes, at_ms);
            }
            Phase::Channels if self.in_clear() => self.channels(from, bytes, at_ms),
            Phase::Negotiation
            | Phase::CredSsp
            | Phase::EarlyAuthorization
            | Phase::Mcs
            | Phase::Channels
            | Phase::Outside
            | Phase::Carrier
            | Phase::Done => {}
        }
    }

    /// Standard RDP Security: what passes on the wire is not inside TLS.
    fn in_clear(&self) -> bool {
        self.selected_protocol == PROTOCOL_RDP
    }

    /// Bytes as they are inside TLS, for whoever can see them.
    pub fn plaintext(&mut self, from: Party, bytes: &[u8], at_ms: f64) {
        self.asked |= from == Party::Client;
        match self.phase {
            Phase::Negotiation if self.direct => self.negotiation(from, bytes, at_ms),
            Phase::CredSsp => self.credssp(from, bytes, at_ms),
            Phase::EarlyAuthorization => self.early_authorization(from, bytes, at_ms),
            Phase::Mcs => self.mcs(from, bytes, at_ms),
            Phase::Channels => self.channels(from, bytes, at_ms),
            _ => {}
        }
    }

    /// Whether Standard RDP Security protects the PDUs behind the Connect Response.
    pub fn is_secured(&self) -> bool {
        self.secured
    }

    /// For whoever only listens: nobody holds the keys of Standard RDP Security.
    pub fn without_keys(mut self) -> Self {
        self.keyless = true;
        self
    }

    /// PDUs that Standard RDP Security had encrypted and for which nobody holds the keys, of the client
    /// and of the server.
    pub fn sealed_pdus(&self) -> [u32; 2] {
        self.sealed_pdus
    }

    fn count_sealed_pdu(&mut self, from: Party) {
        let [client, server] = &mut self.sealed_pdus;
        let count = if from == Party::Client { client } else { server };
        *count = count.saturating_add(1);
    }

    /// The content of a PDU that Standard RDP Security had encrypted, for whoever holds the keys:
    /// what is behind the security header, whose flags are `flags`.
    pub fn decrypted(&mut self, from: Party, flags: u16, content: &[u8], at_ms: f64) {
        self.content(from, flags & !SEC_ENCRYPT, content, at_ms);
    }

    /// What came could not be opened by whoever holds the keys of Standard RDP Security.
    pub fn undecipherable(&mut self, problem: String, pdu: &[u8], at_ms: f64) {
        self.broken(problem, pdu, at_ms);
    }

    /// The TLS handshake is finished: from now on [`Self::plaintext`] counts.
    pub fn established(&mut self) {
        self.asked = false;
        (self.phase, self.awaiting) = if self.only_stage.is_some() {
            (Phase::Carrier, Awaited::GatewayAnswer)
        } else if PROTOCOLS_CREDSSP.contains(&self.selected_protocol) {
            (Phase::CredSsp, Awaited::NtlmChallenge)
        } else if self.selected_protocol == PROTOCOL_SSL {
            (Phase::Mcs, Awaited::McsConnectResponse)
        } else {
            (Phase::Done, Awaited::Nothing)
        };
    }

    /// What passes from now on belongs to a proxy, which owes `awaited`.
    pub fn outside(&mut self, awaited: Awaited) {
        (self.phase, self.awaiting) = (Phase::Outside, awaited);
    }

    /// TLS and CredSSP from the first byte, and the negotiation inside them: the direct approach
    /// (MS-RDPBCGR 5.4.2.2), which knows no other security protocol.
    pub fn direct(&mut self) {
        self.direct = true;
        self.phase = Phase::ClientHello;
        self.selected_protocol = PROTOCOL_HYBRID;
    }

    /// What was taken for the way to a gateway turns out to be the direct approach: TLS is done, and
    /// CredSSP begins in it.
    pub fn turn_direct(&mut self) {
        self.only_stage = None;
        self.direct();
        self.established();
    }

    /// What was taken for the way to a gateway turns out to lead to a proxy.
    pub fn turn_outside(&mut self) {
        self.only_stage = None;
        self.outside(Awaited::Nothing);
    }

    /// TLS from the first byte, as a proxy speaks it.
    pub fn expect_tls(&mut self) {
        self.phase = Phase::ClientHello;
    }

    /// An alert that only the TLS library could read, since it was encrypted.
    pub fn alert(&mut self, from: Party, level: u8, description: u8, at_ms: f64) {
        let awaited = self.awaited();
        self.push(at_ms, Fact::TlsAlert { from, level, description, awaited });
    }

    /// Something passed inside TLS that cannot be read. Who speaks tells for two turns of CredSSP and
    /// one of MCS what the client waits for; behind them nothing is claimed.
    pub fn sealed(&mut self, from: Party) {
        if !matches!(self.phase, Phase::CredSsp | Phase::Mcs) {
            return;
        }
        self.asked |= from == Party::Client;
        match from {
            // What a server sends before it was asked is a session ticket (RFC 8446 4.6.1).
            Party::Server if self.sealed_turns > 0 => self.awaiting = Awaited::Nothing,
            Party::Server => {}
            Party::Client if self.sealed_turns == 0 => self.sealed_turns = 1,
            Party::Client if self.awaiting != Awaited::Nothing => {}
            Party::Client if self.sealed_turns == 1 && self.phase == Phase::CredSsp => {
                self.sealed_turns = 2;
                self.awaiting = Awaited::PublicKeyBinding;
            }
            Party::Client => {
                self.sealed_turns = 2;
                self.phase = Phase::Done;
            }
        }
    }

    /// How often the client took its turn in what nobody could read; 2 stands for twice or more.
    pub fn sealed_turns(&self) -> u8 {
        self.sealed_turns
    }

    /// Bytes are missing in what is fed: whatever follows is counted and not read.
    pub fn lost(&mut self) {
        self.phase = Phase::Done;
        self.client = Vec::new();
        self.server = Vec::new();
    }

    /// No more bytes are expected for the moment: whatever was said so far is judged as it stands.
    pub fn settle(&mut self, at_ms: f64) {
        if self.phase == Phase::Negotiation && self.server.first().is_some_and(|&b| b != 3) {
            let bytes = std::mem::take(&mut self.server);
            self.foreign(ServiceKind::Unknown, &bytes, at_ms);
        }
    }

    /// The connection ended, or nobody waits for it any more. Counts once.
    pub fn closed(&mut self, ending: Ending, os_error: Option<i32>, at_ms: f64) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        if ending != Ending::Cancelled {
            self.settle(at_ms);
        }
        let unfinished = match self.phase {
            Phase::ClientHello | Phase::Handshake => self.server_tls.unfinished(),
            Phase::Done => 0,
            _ => self.server.len(),
        };
        let fact = Fact::StreamEnded {
            ending,
            awaited: self.awaited(),
            received: self.received,
            sent: self.sent,
            unfinished: unfinished as u64,
            after_ms: round(at_ms - self.last_sent_ms),
            os_error,
        };
        self.push(at_ms, fact);
    }

    /// What the client waits for now.
    pub fn awaited(&self) -> Awaited {
        match self.phase {
            Phase::Negotiation => Awaited::ConnectionConfirm,
            Phase::ClientHello => Awaited::ServerHello,
            Phase::Handshake => Awaited::HandshakeEnd,
            Phase::CredSsp
            | Phase::EarlyAuthorization
            | Phase::Mcs
            | Phase::Channels
            | Phase::Outside => self.awaiting,
            Phase::Carrier => self.awaiting,
            Phase::Done => Awaited::Nothing,
        }
    }

    /// Whether the client asked for what it would wait for now. A person may think between two
    /// steps, and a client that thinks waits for nothing.
    pub fn has_asked(&self) -> bool {
        match self.awaited() {
            Awaited::Nothing => false,
            Awaited::ConnectionConfirm => self.sent > 0,
            Awaited::ServerHello | Awaited::NtlmChallenge | Awaited::McsConnectResponse => {
                self.asked
            }
            _ => true,
        }
    }

    /// Whether nothing more is read of this connection.
    pub fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }

    /// Bytes of an answer that has begun and is not complete.
    pub fn has_unfinished_answer(&self) -> bool {
        !self.server.is_empty()
    }

    /// What was seen since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// What came is none of the PDUs of this phase; nothing more is read.
    fn broken(&mut self, problem: String, bytes: &[u8], at_ms: f64) {
        let most = self.message_channel.map_or(MOST_SHOWN, |_| MOST_SHOWN_BEFORE_COOKIE);
        let bytes = Hex(bytes[..bytes.len().min(most)].to_vec());
        let fact = match self.awaiting.stage() {
            Stage::Mcs | Stage::Tcp => Fact::McsMalformed { problem, bytes },
            Stage::Licensing => Fact::LicenseMalformed { problem, bytes },
            _ => Fact::SessionMalformed { problem, bytes },
        };
        self.phase = Phase::Done;
        self.push(at_ms, fact);
    }

    /// What is left in a buffer belongs to the phase that has begun.
    fn go_on(&mut self, from: Party, at_ms: f64) {
        let inside = self.direct && self.phase == Phase::Negotiation;
        if (inside
            || matches!(self.phase, Phase::EarlyAuthorization | Phase::Mcs | Phase::Channels))
            && !self.buffer(from).is_empty()
        {
            let rest = std::mem::take(self.buffer(from));
            self.plaintext(from, &rest, at_ms);
        }
    }

    /// Adds to a buffer whose phase waits for the other side: no more than is of use.
    fn keep(&mut self, from: Party, bytes: &[u8]) {
        let buffer = self.buffer(from);
        let room = MOST_KEPT.saturating_sub(buffer.len());
        buffer.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn buffer(&mut self, from: Party) -> &mut Vec<u8> {
        match from {
            Party::Client => &mut self.client,
            Party::Server => &mut self.server,
        }
    }

    fn push(&mut self, at_ms: f64, fact: Fact) {
        self.push_at(stage(&fact), at_ms, fact);
    }

    /// A peer may send a thousand alerts; the first ones say what there is to say, and how it
    /// ended is always kept.
    fn push_at(&mut self, stage: Stage, at_ms: f64, fact: Fact) {
        self.seen += 1;
        if self.seen > MOST_FACTS && !matches!(fact, Fact::StreamEnded { .. }) {
            return;
        }
        let stage = self.only_stage.unwrap_or(stage);
        self.events.push(Event { stage, at_ms, fact });
    }
}

/// The stage that a fact seen on a connection belongs to.
fn stage(fact: &Fact) -> Stage {
    match fact {
        Fact::ClientHello { .. }
        | Fact::ServerHello { .. }
        | Fact::TlsMalformed { .. }
        | Fact::ServerCertificates { .. } => Stage::Tls,
        Fact::TlsAlert { awaited, .. } | Fact::StreamEnded { awaited, .. } => awaited.stage(),
        Fact::TsRequest { .. }
        | Fact::NtlmChallenge { .. }
        | Fact::EarlyAuthorization { .. }
        | Fact::CredSspMalformed { .. } => Stage::CredSsp,
        Fact::McsConnectResponse { .. }
        | Fact::ServerSecurityData { .. }
        | Fact::McsAttachUserConfirm { .. }
        | Fact::McsChannelJoinConfirm { .. }
        | Fact::McsDisconnectUltimatum { .. }
        | Fact::McsMalformed { .. } => Stage::Mcs,
        Fact::LicenseMessage { .. } | Fact::LicenseError { .. } | Fact::LicenseMalformed { .. } => {
            Stage::Licensing
        }
        Fact::ClientInfoSent { .. }
        | Fact::DemandActive { .. }
        | Fact::FontMap
        | Fact::SetErrorInfo { .. }
        | Fact::LoggedOn { .. }
        | Fact::LogonNotification { .. }
        | Fact::Redirection { .. }
        | Fact::DeactivateAll
        | Fact::ShutdownRequested
        | Fact::ShutdownDenied
        | Fact::SessionMalformed { .. } => Stage::Session,
        Fact::MultitransportRequest { .. } | Fact::MultitransportResponse { .. } => Stage::Udp,
        _ => Stage::X224,
    }
}

/// Microseconds are what the clocks give; more digits would only look exact.
fn round(milliseconds: f64) -> f64 {
    (milliseconds * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode;

    const CONFIRM_NLA: [u8; 19] =
        [3, 0, 0, 19, 14, 0xD0, 0, 0, 0x12, 0x34, 0, 2, 0x1F, 8, 0, 8, 0, 0, 0];

    fn kinds(dissector: &mut Dissector) -> Vec<Fact> {
        dissector.take_events().into_iter().map(|event| event.fact).collect()
    }

    #[test]
    fn a_drop_in_the_handshake_keeps_what_was_awaited() {
        let mut dissector = Dissector::new();
        let request = encode::connection_request(0x0B, Some([7; 16])).expect("encodes");
        dissector.wire(Party::Client, &request, 0.0);
        for byte in CONFIRM_NLA {
            dissector.wire(Party::Server, &[byte], 10.0);
        }
        dissector.wire(Party::Client, &encode::plain_client_hello([1; 32], Some("pc42")), 11.0);
        dissector.closed(Ending::Reset, Some(104), 21.5);
        dissector.closed(Ending::Fin, None, 22.0);
        let facts = kinds(&mut dissector);
        let [request, confirm, hello, ended] = &facts[..] else { panic!("{facts:?}") };
        assert!(matches!(
            request,
            Fact::ConnectionRequest {
                requested_protocols: Some(0x0B),
                correlation_id: Some(_),
                ..
            }
        ));
        assert!(matches!(confirm, Fact::ConnectionConfirm { .. }));
        let name = Some("pc42".to_owned());
        assert!(
            matches!(hello, Fact::ClientHello { plain: true, server_name, .. } if *server_name == name)
        );
        assert!(matches!(
            ended,
            Fact::StreamEnded {
                ending: Ending::Reset,
                awaited: Awaited::ServerHello,
                received: 19,
                unfinished: 0,
                after_ms: 10.5,
                ..
            }
        ));
    }

    #[test]
    fn the_negotiation_inside_the_encryption() {
        let mut dissector = Dissector::new();
        dissector.direct();
        dissector.wire(Party::Client, &encode::plain_client_hello([1; 32], Some("pc42")), 0.0);
        assert_eq!(dissector.awaited(), Awaited::ServerHello);
        dissector.established();
        assert_eq!(dissector.awaited(), Awaited::NtlmChallenge);
        // A TSRequest with authInfo, and no more than its version before it (MS-CSSP 2.2.1).
        let delegation = [0x30, 0x0B, 0xA0, 3, 2, 1, 6, 0xA2, 4, 4, 2, 1, 2];
        dissector.plaintext(Party::Client, &delegation, 2.0);
        assert_eq!(dissector.awaited(), Awaited::ConnectionConfirm);
        dissector.take_events();
        // What passes on the wire is TLS, whatever it looks like.
        dissector.wire(Party::Server, b"SSH-2.0-", 3.0);
        let request = encode::connection_request(2, None).expect("encodes");
        dissector.plaintext(Party::Client, &request, 3.0);
        let mut confirm = CONFIRM_NLA;
        confirm[15] = 2;
        dissector.plaintext(Party::Server, &confirm, 4.0);
        let facts = kinds(&mut dissector);
        assert!(
            matches!(&facts[..], [Fact::ConnectionRequest { .. }, Fact::ConnectionConfirm { .. }]),
            "{facts:?}"
        );
        assert_eq!(dissector.awaited(), Awaited::McsConnectResponse);
    }

    #[test]
    fn a_server_that_selects_something_else_inside_is_read_no_further() {
        let mut dissector = Dissector::new();
        dissector.direct();
        dissector.established();
        dissector.plaintext(
            Party::Client,
            &[0x30, 0x0B, 0xA0, 3, 2, 1, 6, 0xA2, 4, 4, 2, 1, 2],
            2.0,
        );
        dissector.plaintext(Party::Server, &CONFIRM_NLA, 4.0);
        assert!(dissector.is_done());
    }

    #[test]
    fn an_unknown_greeting_is_named_when_nothing_more_comes() {
        let mut dissector = Dissector::new();
        dissector.wire(Party::Server, b"hello?", 1.0);
        assert_eq!(kinds(&mut dissector), []);
        dissector.settle(2.0);
        assert!(matches!(
            &kinds(&mut dissector)[..],
            [Fact::ForeignService { service: ServiceKind::Unknown, unasked: true, said, .. }] if said == "hello?"
        ));
    }
}
