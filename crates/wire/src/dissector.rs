use rdpdoctor_model::{Awaited, Ending, Fact, Hex, Negotiation, Party, ServiceKind, Stage};

use crate::tls::{HandshakeReader, Message};
use crate::{credssp, foreign, mcs, x224};

/// PROTOCOL_RDP: Standard RDP Security (MS-RDPBCGR 2.2.1.2.1).
const PROTOCOL_RDP: u32 = 0;
/// PROTOCOL_SSL.
const PROTOCOL_SSL: u32 = 1;
/// PROTOCOL_HYBRID and PROTOCOL_HYBRID_EX.
const PROTOCOLS_CREDSSP: [u32; 2] = [2, 8];

/// Most facts of one connection; an ordinary one has about a dozen.
const MOST_FACTS: usize = 200;

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
#[derive(Default)]
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
    ended: bool,
    seen: usize,
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
    /// MCS, inside TLS or not.
    Mcs,
    /// Nothing more is read.
    Done,
}

impl Dissector {
    /// A dissector for a connection that has just been opened.
    pub fn new() -> Self {
        Self::default()
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
            Phase::Negotiation => self.negotiation(from, bytes, at_ms),
            Phase::ClientHello | Phase::Handshake => self.handshake(from, bytes, at_ms),
            Phase::Mcs if self.selected_protocol == PROTOCOL_RDP => self.mcs(from, bytes, at_ms),
            Phase::CredSsp | Phase::Mcs | Phase::Done => {}
        }
    }

    /// Bytes as they are inside TLS, for whoever can see them.
    pub fn plaintext(&mut self, from: Party, bytes: &[u8], at_ms: f64) {
        match self.phase {
            Phase::CredSsp => self.credssp(from, bytes, at_ms),
            Phase::Mcs => self.mcs(from, bytes, at_ms),
            _ => {}
        }
    }

    /// The TLS handshake is finished: from now on [`Self::plaintext`] counts.
    pub fn established(&mut self) {
        self.phase = if PROTOCOLS_CREDSSP.contains(&self.selected_protocol) {
            Phase::CredSsp
        } else if self.selected_protocol == PROTOCOL_SSL {
            Phase::Mcs
        } else {
            Phase::Done
        };
    }

    /// An alert that only the TLS library could read, since it was encrypted.
    pub fn alert(&mut self, from: Party, level: u8, description: u8, at_ms: f64) {
        let awaited = self.awaited();
        self.push(at_ms, Fact::TlsAlert { from, level, description, awaited });
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
            Phase::CredSsp => Awaited::NtlmChallenge,
            Phase::Mcs => Awaited::McsConnectResponse,
            Phase::Done => Awaited::Nothing,
        }
    }

    /// Bytes of an answer that has begun and is not complete.
    pub fn has_unfinished_answer(&self) -> bool {
        !self.server.is_empty()
    }

    /// What was seen since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    fn negotiation(&mut self, from: Party, bytes: &[u8], at_ms: f64) {
        match from {
            Party::Client => {
                self.client.extend_from_slice(bytes);
                if let Some((request, _)) = x224::read_request(&self.client) {
                    self.push(at_ms, request);
                    self.client.clear();
                }
            }
            Party::Server => {
                self.server.extend_from_slice(bytes);
                if self.server.first() == Some(&3) {
                    if let Some((answer, length)) = x224::read_answer(&self.server) {
                        let rest = self.server.split_off(length);
                        self.server.clear();
                        self.confirmed(&answer);
                        self.push(at_ms, answer);
                        if !rest.is_empty() {
                            self.received -= rest.len() as u64;
                            self.wire(Party::Server, &rest, at_ms);
                        }
                    }
                } else if let Some(service) = foreign::recognise(&self.server) {
                    let bytes = std::mem::take(&mut self.server);
                    self.foreign(service, &bytes, at_ms);
                }
            }
        }
    }

    fn confirmed(&mut self, answer: &Fact) {
        self.phase = match answer {
            Fact::ConnectionConfirm { negotiation: Negotiation::None } => Phase::Mcs,
            Fact::ConnectionConfirm {
                negotiation: Negotiation::Response { selected_protocol, .. },
            } => {
                self.selected_protocol = *selected_protocol;
                if *selected_protocol == PROTOCOL_RDP { Phase::Mcs } else { Phase::ClientHello }
            }
            _ => Phase::Done,
        };
    }

    fn foreign(&mut self, service: ServiceKind, bytes: &[u8], at_ms: f64) {
        self.phase = Phase::Done;
        let unasked = self.sent == 0;
        self.push(at_ms, foreign::fact(service, bytes, unasked));
    }

    fn handshake(&mut self, from: Party, bytes: &[u8], at_ms: f64) {
        let reader = match from {
            Party::Client => &mut self.client_tls,
            Party::Server => &mut self.server_tls,
        };
        for message in reader.feed(bytes) {
            let fact = match message {
                Message::ClientHello {
                    length,
                    versions,
                    cipher_suites,
                    server_name,
                    extensions,
                } => {
                    let plain = versions == [0x0303] && extensions <= 2;
                    Fact::ClientHello { length, versions, cipher_suites, server_name, plain }
                }
                Message::ServerHello { version, cipher_suite } => {
                    self.phase = Phase::Handshake;
                    Fact::ServerHello { version, cipher_suite }
                }
                Message::Certificates(certificates) => Fact::ServerCertificates { certificates },
                Message::Alert { level, description } => {
                    Fact::TlsAlert { from, level, description, awaited: self.awaited() }
                }
                Message::Malformed(problem) => Fact::TlsMalformed {
                    problem,
                    bytes: Hex(bytes[..bytes.len().min(32)].to_vec()),
                },
            };
            self.push(at_ms, fact);
        }
    }

    fn credssp(&mut self, from: Party, bytes: &[u8], at_ms: f64) {
        self.buffer(from).extend_from_slice(bytes);
        while self.phase == Phase::CredSsp
            && let Some((facts, length)) = credssp::read(self.buffer(from), from)
        {
            self.buffer(from).drain(..length);
            for fact in facts {
                if from == Party::Server {
                    // The one answer that a check without credentials asks for.
                    self.phase = Phase::Done;
                }
                self.push_at(Stage::CredSsp, at_ms, fact);
            }
        }
    }

    fn mcs(&mut self, from: Party, bytes: &[u8], at_ms: f64) {
        if from == Party::Client {
            return;
        }
        self.server.extend_from_slice(bytes);
        if let Some((fact, length)) = mcs::read(&self.server) {
            self.server.drain(..length);
            self.phase = Phase::Done;
            self.push(at_ms, fact);
        }
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
        | Fact::ShutdownDenied
        | Fact::SessionMalformed { .. } => Stage::Session,
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
