//! How the client went through its stages, as far as the wire tells.

use rdpdoctor_model::{
    Awaited, ConnectFailure, Ending, Fact, Negotiation, Party, Stage, StageOutcome,
};

use super::connection::{Connect, Connection};
use super::conversation::{End, Event, Unread};
use super::side::Moment;

/// Messages of the server inside TLS by which a session is known without reading them: a sign-in has
/// three, MCS and licensing a dozen.
const SESSION_RECORDS: u32 = 40;

/// CredSSP, the one protocol of the direct approach (MS-RDPBCGR 5.4.2.2).
const PROTOCOL_HYBRID: u32 = 2;

/// STATUS_VALID_CLIENT (MS-RDPBCGR 2.2.1.12.1.3).
const STATUS_VALID_CLIENT: u32 = 7;

const ENDS_HERE: &str = "the capture ends here";
const HOLE: &str = "bytes are missing in the capture";
const MIDWAY: &str = "it was open before the capture began";
const SEALED: &str = "encrypted, and the capture has no secrets";
const CLIENT_LEFT: &str = "the client left";

/// What became of a stage.
enum Went {
    Passed,
    /// Passed, or so it seems, without a look inside.
    Unseen(&'static str),
    Stopped(String),
    Skipped(&'static str),
}

/// Whether there is so much inside TLS that it must be a session.
pub(super) fn has_session_traffic(connection: &Connection) -> bool {
    let [client, server] = connection.sealed_records;
    server >= SESSION_RECORDS && client > 3
}

/// How each stage of a connection ended.
pub(super) fn ended(connection: &Connection) -> Vec<Event> {
    let walk = Walk(connection);
    let mut steps = [
        (Stage::Tcp, walk.tcp()),
        (Stage::X224, walk.x224()),
        (Stage::Tls, walk.tls()),
        (Stage::CredSsp, walk.credssp()),
        (Stage::Mcs, walk.mcs()),
        (Stage::Licensing, walk.licensing()),
        (Stage::Session, walk.session()),
        (Stage::Desktop, Went::Skipped("not looked at in a capture")),
    ];
    if connection.is_direct() {
        // The negotiation stands behind the sign-in.
        steps[1..4].rotate_left(1);
    }
    let mut reached = connection.first;
    let mut stopped = false;
    let mut events = Vec::new();
    for (stage, went) in steps {
        let (begun, at) = walk.span(stage).unwrap_or((reached, reached));
        let elapsed_ms = (at.ms() - begun.ms()).max(0.0);
        let (outcome, reason) = match went {
            _ if stopped => (StageOutcome::Skipped, Some("stopped before".to_owned())),
            Went::Passed => (StageOutcome::Passed, None),
            Went::Unseen(why) => (StageOutcome::Passed, Some(why.to_owned())),
            Went::Stopped(why) => (StageOutcome::Stopped, Some(why)),
            Went::Skipped(why) => (StageOutcome::Skipped, Some(why.to_owned())),
        };
        stopped |= outcome == StageOutcome::Stopped;
        let skipped = outcome == StageOutcome::Skipped;
        let elapsed_ms = if skipped { 0.0 } else { elapsed_ms };
        events.push(Event { stage, at, fact: Fact::StageEnded { outcome, reason, elapsed_ms } });
        reached = if skipped { reached } else { at };
    }
    events
}

/// The same where a gateway opened no channel: its own connection stands for TCP, the rest was never
/// begun.
pub(super) fn unreached(group: &[Connection]) -> Vec<Event> {
    let at = group.iter().map(|c| c.last).max_by_key(|at| at.nanos).unwrap_or_default();
    let made = group.iter().find_map(|connection| match connection.connect {
        Connect::Made { at, .. } => Some((connection.first, at)),
        Connect::Failed { .. } | Connect::Unknown => None,
    });
    let stages = [Stage::Tcp, Stage::X224, Stage::Tls, Stage::CredSsp, Stage::Mcs]
        .into_iter()
        .chain([Stage::Licensing, Stage::Session, Stage::Desktop]);
    let ended = stages.map(|stage| {
        if let (Stage::Tcp, Some((first, made))) = (stage, made) {
            let (outcome, elapsed_ms) = (StageOutcome::Passed, (made.ms() - first.ms()).max(0.0));
            let fact = Fact::StageEnded { outcome, reason: None, elapsed_ms };
            return Event { stage, at: made, fact };
        }
        let reason = Some("the gateway opened no channel".to_owned());
        let outcome = StageOutcome::Skipped;
        Event { stage, at, fact: Fact::StageEnded { outcome, reason, elapsed_ms: 0.0 } }
    });
    ended.collect()
}

struct Walk<'a>(&'a Connection);

impl Walk<'_> {
    fn has(&self, pick: impl Fn(&Fact) -> bool) -> bool {
        self.0.events.iter().any(|event| pick(&event.fact))
    }

    /// From a stage's first fact to its last one. A person may think between two stages.
    fn span(&self, stage: Stage) -> Option<(Moment, Moment)> {
        if stage == Stage::Tcp {
            return match &self.0.connect {
                Connect::Made { at, .. } | Connect::Failed { at, .. } => Some((self.0.first, *at)),
                Connect::Unknown => None,
            };
        }
        // How a session is left, and the good-bye, belong to no stage that is timed.
        let leaves = |fact: &Fact| {
            matches!(fact, Fact::McsDisconnectUltimatum { .. } | Fact::ShutdownRequested)
        };
        let own = self.0.events.iter().filter(|e| e.stage == stage && !leaves(&e.fact));
        let mut times = own.map(|event| event.at);
        let first = times.next()?;
        Some((first, times.next_back().unwrap_or(first)))
    }

    fn negotiation(&self) -> Option<Negotiation> {
        self.0.events.iter().find_map(|event| match event.fact {
            Fact::ConnectionConfirm { negotiation } => Some(negotiation),
            _ => None,
        })
    }

    fn protocol(&self) -> Option<u32> {
        if self.0.is_direct() {
            return Some(PROTOCOL_HYBRID);
        }
        match self.negotiation()? {
            Negotiation::None => Some(0),
            Negotiation::Response { selected_protocol, .. } => Some(selected_protocol),
            Negotiation::Failure { .. } => None,
        }
    }

    /// What the client waited for when the server, or its own patience, ended the connection.
    fn broke_off(&self) -> Option<Awaited> {
        self.0.events.iter().find_map(|event| match event.fact {
            Fact::StreamEnded { ending, awaited, .. } => {
                let bad = matches!(ending, Ending::Fin | Ending::Reset | Ending::Timeout);
                bad.then_some(awaited)
            }
            _ => None,
        })
    }

    /// The client ended the handshake with an alert: what it did not like, only it knows.
    fn client_refused(&self) -> Option<Went> {
        self.0.events.iter().find_map(|event| match event.fact {
            Fact::TlsAlert { from: Party::Client, level: 2, description, .. } => {
                Some(Went::Stopped(format!("the client refused with alert {description}")))
            }
            _ => None,
        })
    }

    /// Why nothing more is known.
    fn why(&self) -> Went {
        let why = match (self.0.unread, self.0.end) {
            (Some(Unread::Hole), _) => HOLE,
            (Some(Unread::Sealed), _) => SEALED,
            (Some(Unread::Midway), _) => MIDWAY,
            (None, End::Open) => ENDS_HERE,
            (None, End::Client) => CLIENT_LEFT,
            (None, End::Cut) => "the gateway cut the tunnel",
            (None, End::ServerFin | End::ServerReset) => "the server ended the connection",
        };
        Went::Stopped(why.to_owned())
    }

    fn tcp(&self) -> Went {
        match &self.0.connect {
            Connect::Made { .. } => Went::Passed,
            Connect::Failed { failure: ConnectFailure::Timeout, .. } => {
                Went::Stopped("the SYN was not answered".to_owned())
            }
            Connect::Failed { .. } => Went::Stopped("it was not connected".to_owned()),
            Connect::Unknown => Went::Stopped(ENDS_HERE.to_owned()),
        }
    }

    fn x224(&self) -> Went {
        match self.negotiation() {
            Some(Negotiation::Failure { code }) => {
                Went::Stopped(format!("the server refused with negotiation failure {code}"))
            }
            Some(_) => Went::Passed,
            None if self.0.is_direct() && self.broke_off() != Some(Awaited::ConnectionConfirm) => {
                Went::Skipped("comes behind the sign-in here, inside the encryption")
            }
            None if self.broke_off().is_some() => {
                Went::Stopped("the server gave no answer that counts".to_owned())
            }
            None if matches!(self.0.unread, Some(Unread::Hole | Unread::Midway)) => self.why(),
            None if self.0.events.iter().all(|e| matches!(e.fact, Fact::StreamEnded { .. })) => {
                Went::Stopped("the client asked nothing".to_owned())
            }
            None => self.why(),
        }
    }

    fn tls(&self) -> Went {
        match self.protocol() {
            Some(0) => Went::Skipped("the server uses Standard RDP Security"),
            _ if self.has(|fact| matches!(fact, Fact::TlsEstablished { .. })) => Went::Passed,
            _ if self.broke_off().is_some() => Went::Stopped("the handshake failed".to_owned()),
            _ => self.client_refused().unwrap_or_else(|| self.why()),
        }
    }

    fn credssp(&self) -> Went {
        match self.protocol() {
            Some(0) => return Went::Skipped("the server takes no NLA"),
            Some(1) => return Went::Skipped("the server chose TLS without NLA"),
            Some(2 | 8) => {}
            _ => return Went::Skipped("a way to sign in that is not read"),
        }
        let refused = |fact: &Fact| match fact {
            Fact::TsRequest { from: Party::Server, error_code: Some(code), .. } => *code != 0,
            Fact::EarlyAuthorization { result } => *result != 0,
            Fact::CredSspMalformed { .. } => true,
            _ => false,
        };
        let in_sign_in = self.broke_off().is_some_and(|a| a.stage() == Stage::CredSsp);
        if self.has(refused) {
            return Went::Stopped("the server refused the sign-in".to_owned());
        }
        if self.has(|fact| matches!(fact, Fact::CredentialsDelegated { .. })) && !in_sign_in {
            return Went::Passed;
        }
        if in_sign_in {
            return Went::Stopped("the server did not answer the sign-in".to_owned());
        }
        let challenged = self.has(|fact| matches!(fact, Fact::NtlmChallenge { .. }));
        let sent = self.has(|fact| matches!(fact, Fact::CredentialSent { .. }));
        let left = self.0.end == End::Client;
        match self.0.unread {
            // A client that has no credential yet looks, and leaves to ask for one.
            None if challenged && !sent && left => Went::Passed,
            Some(Unread::Sealed) if has_session_traffic(self.0) => Went::Unseen(SEALED),
            Some(Unread::Sealed) if left && self.0.sealed_turns == 1 => Went::Unseen(SEALED),
            _ => self.why(),
        }
    }

    fn mcs(&self) -> Went {
        if self.broke_off().is_some_and(|awaited| awaited.stage() == Stage::Mcs)
            || self.has(|fact| matches!(fact, Fact::McsMalformed { .. }))
        {
            return Went::Stopped("the server did not open the channels".to_owned());
        }
        if self.has(|fact| matches!(fact, Fact::McsConnectResponse { result: 0, .. })) {
            return Went::Passed;
        }
        match self.0.unread {
            _ if self.has(|fact| matches!(fact, Fact::McsConnectResponse { .. })) => {
                Went::Stopped("the server refused MCS Connect".to_owned())
            }
            Some(Unread::Sealed) if has_session_traffic(self.0) => Went::Unseen(SEALED),
            _ if self.protocol().is_some_and(|p| p > 1) && self.0.end == End::Client => {
                Went::Skipped(CLIENT_LEFT)
            }
            _ => self.why(),
        }
    }

    fn licensing(&self) -> Went {
        let refused = |fact: &Fact| match fact {
            Fact::LicenseError { code, .. } => *code != STATUS_VALID_CLIENT,
            Fact::LicenseMalformed { .. } => true,
            _ => false,
        };
        let done = |fact: &Fact| {
            matches!(
                fact,
                Fact::LicenseError { code: STATUS_VALID_CLIENT, .. } | Fact::DemandActive { .. }
            )
        };
        match self.0.unread {
            _ if self.has(refused) => Went::Stopped("the server refused a licence".to_owned()),
            _ if self.has(done) => Went::Passed,
            _ if self.broke_off().is_some_and(|a| a.stage() == Stage::Licensing) => {
                Went::Stopped("the server did not answer the licensing".to_owned())
            }
            Some(Unread::Sealed) if has_session_traffic(self.0) => Went::Unseen(SEALED),
            _ => Went::Skipped("not seen"),
        }
    }

    fn session(&self) -> Went {
        let refused = |fact: &Fact| match fact {
            Fact::SetErrorInfo { code } => *code != 0,
            Fact::SessionMalformed { .. } => true,
            _ => false,
        };
        let begun = |fact: &Fact| matches!(fact, Fact::FontMap | Fact::LoggedOn { .. });
        match self.0.unread {
            _ if self.has(begun) => Went::Passed,
            _ if self.has(refused) => Went::Stopped("the server ended the session".to_owned()),
            _ if self.broke_off().is_some_and(|a| a.stage() == Stage::Session) => {
                Went::Stopped("the session did not begin".to_owned())
            }
            Some(Unread::Sealed) if has_session_traffic(self.0) => Went::Unseen(SEALED),
            _ => Went::Skipped("not seen"),
        }
    }
}
