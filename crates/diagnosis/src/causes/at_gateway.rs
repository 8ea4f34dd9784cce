//! What an RD Gateway says by number, and how far a client came with it. The tables of
//! [`crate::codes`] are the one home of what a number stands for.

use rdpdoctor_model::{
    Awaited, CauseId, Ending, Fact, GatewayStep, GatewayTransport, ObservationId, Party, Stage,
    StageOutcome,
};

use crate::codes::{self, Entry, Table};
use crate::evidence::StreamEnd;
use crate::{Evidence, GatewayView, Match, Proof, Seen, Severity};

/// E_PROXY_QUARANTINE_ACCESSDENIED: a client goes on behind it (MS-TSGU 3.3.5.2).
const QUARANTINE: [u32; 2] = [0x8007_59ED, 0x59ED];

/// ERROR_BAD_ARGUMENTS: the host closed its connection to the gateway (MS-TSGU 2.2.6.1).
const HOST_CLOSED: u32 = 0xA0;

/// Statuses that agree, and the one that asks for a sign-in.
const AGREED: [u16; 2] = [101, 200];
const UNAUTHORIZED: u16 = 401;

/// A server that knows other methods only.
const METHOD_NOT_ALLOWED: u32 = 405;

/// The gateway's answer by HTTP.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) reason: Option<&'a str>,
    pub(crate) after_credentials: bool,
    pub(crate) schemes: &'a [String],
}

/// Why the way through the gateway ended, where it did; `None` where it was passed or not tried.
pub(crate) fn stopped<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, &'a str>> {
    // A file may name a gateway that nobody has tried.
    crate::gateway_place(evidence.observations())?;
    let ended = evidence.gateway(|fact| match fact {
        Fact::StageEnded { outcome: StageOutcome::Stopped, reason, .. } => {
            Some(reason.as_deref().unwrap_or_default())
        }
        _ => None,
    });
    ended.into_iter().next()
}

/// Whether a stage behind the gateway ended before it was done.
fn stopped_behind(evidence: &Evidence<'_>) -> bool {
    let stopped = |fact: &Fact| {
        matches!(fact, Fact::StageEnded { outcome: StageOutcome::Stopped, .. }).then_some(())
    };
    !evidence.all(stopped).is_empty()
}

/// The last answer by HTTP of the transports of our time.
pub(crate) fn last_answer<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, Answer<'a>>> {
    answers(evidence, |transport| transport != GatewayTransport::Rpc).pop()
}

/// The answer to the question whether RPC over HTTP is there: it is where it asks for a sign-in.
pub(crate) fn takes_rpc<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, Answer<'a>>> {
    let asked = answers(evidence, |transport| transport == GatewayTransport::Rpc).pop();
    asked.filter(|seen| seen.value.status == UNAUTHORIZED || AGREED.contains(&seen.value.status))
}

fn answers<'a>(
    evidence: &Evidence<'a>,
    of: fn(GatewayTransport) -> bool,
) -> Vec<Seen<'a, Answer<'a>>> {
    evidence.gateway(|fact| match fact {
        Fact::GatewayAnswer { transport, status, reason, schemes, after_credentials, .. } => {
            let (status, after_credentials) = (*status, *after_credentials);
            let reason = reason.as_deref();
            of(*transport).then_some(Answer { status, reason, after_credentials, schemes })
        }
        _ => None,
    })
}

/// The answer that says no to the credentials, where nothing came behind it.
pub(crate) fn refused_credentials<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, Answer<'a>>> {
    stopped(evidence)?;
    let last = last_answer(evidence)?;
    (last.value.status == UNAUTHORIZED && last.value.after_credentials).then_some(last)
}

/// The words beside the status with which a gateway of Windows refuses an account for what it may not
/// (STATUS_ACCOUNT_RESTRICTION, MS-ERREF 2.3.1).
const RESTRICTED: &str = "User Account Restricted";

/// Those words, where the gateway says them.
pub(crate) fn restricted<'a>(answer: &Answer<'a>) -> Option<&'a str> {
    answer.reason.filter(|reason| reason.eq_ignore_ascii_case(RESTRICTED))
}

/// How the transport that was agreed failed.
pub(crate) fn transport_failed<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, &'a str>> {
    let failed = evidence.gateway(|fact| match fact {
        Fact::GatewayTransportFailed { problem, .. } => Some(problem.as_str()),
        _ => None,
    });
    failed.into_iter().next_back()
}

/// How the last connection to the gateway ended, if the gateway did it or the time was up.
pub(crate) fn ended<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, StreamEnd>> {
    let ends = evidence.gateway(crate::evidence::stream_end);
    let counts = |seen: &Seen<'_, StreamEnd>| {
        matches!(seen.value.ending, Ending::Fin | Ending::Reset | Ending::Timeout | Ending::Failed)
    };
    ends.into_iter().rfind(counts)
}

/// What the gateway did not answer in time.
pub(crate) fn silent<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, Awaited>> {
    stopped(evidence)?;
    let end = ended(evidence).filter(|seen| seen.value.ending == Ending::Timeout)?;
    let answered = number(evidence).is_some() || last_status(evidence).is_some();
    (!answered).then_some(Seen { observation: end.observation, value: end.value.awaited })
}

/// Whether something is known to open the encryption to the gateway.
pub(crate) fn intercepted(evidence: &Evidence<'_>) -> Option<Match> {
    let view = GatewayView::of(evidence.observations())?;
    (super::tls::intercepted::CAUSE.rule)(&view.evidence(evidence))
}

/// A number that the gateway gave for an error.
struct Said {
    id: ObservationId,
    table: Table,
    number: u32,
    row: Option<&'static Entry>,
    severity: Severity,
}

impl Said {
    fn new(id: ObservationId, table: Table, number: u32) -> Self {
        let row = codes::rows(table, number).into_iter().next();
        Self { id, table, number, row, severity: Severity::Blocking }
    }

    /// A row that names several causes proves none of them.
    fn proof(&self, cause: CauseId) -> Option<Proof> {
        let causes = &self.row?.causes;
        let position = causes.iter().position(|id| *id == cause)?;
        Some(match (causes.len(), position) {
            (1, _) => Proof::Proven,
            (_, 0) => Proof::Likely,
            _ => Proof::Possible,
        })
    }

    /// Whether a cause that is judged here is named for it.
    fn is_spoken_for(&self) -> bool {
        let judged = |id: &CauseId| crate::CATALOGUE.iter().any(|cause| cause.id == *id);
        self.row.is_some_and(|row| row.causes.iter().any(judged))
    }

    fn words(&self) -> String {
        let what = match self.table {
            Table::Http => format!("HTTP status {}", self.number),
            _ => format!("0x{:08X}", self.number),
        };
        match self.row {
            Some(row) => {
                let name = row.name.as_deref().map_or(String::new(), |name| format!(", {name}"));
                format!("It says {what}{name}: {}.", row.meaning)
            }
            None => format!("It says {what}, which no table here has."),
        }
    }

    fn found(&self, proof: Proof) -> Match {
        Match::new(self.severity, proof, [self.id.clone()]).detailed(self.words())
    }
}

/// The gateway's last number that is an error and ended something.
fn number(evidence: &Evidence<'_>) -> Option<Said> {
    let said = evidence.gateway(|fact| match fact {
        Fact::GatewayCode { step, code } => Some((*step, *code)),
        _ => None,
    });
    let opened = said.iter().any(|seen| seen.value == (GatewayStep::Channel, 0));
    let counts = |seen: &Seen<'_, (GatewayStep, u32)>| match seen.value {
        (_, 0) => false,
        // The end of a channel is none of an error where the check had what it wanted.
        (GatewayStep::Close, _) => !opened || stopped_behind(evidence),
        _ => true,
    };
    let seen = said.into_iter().rfind(counts)?;
    let (step, code) = seen.value;
    let mut found = Said::new(seen.id(), Table::Gateway, code);
    if step == GatewayStep::Authorization && QUARANTINE.contains(&code) && opened {
        found.severity = Severity::Warning;
    }
    // The host ended it, and what it was asked then says why.
    if (step, code) == (GatewayStep::Close, HOST_CLOSED) {
        found.severity = Severity::Info;
    }
    Some(found)
}

/// The HTTP status with which the way ended, before any packet.
fn last_status(evidence: &Evidence<'_>) -> Option<Said> {
    stopped(evidence)?;
    let packets = evidence.gateway(|f| matches!(f, Fact::GatewayCode { .. }).then_some(()));
    let last = last_answer(evidence).filter(|_| packets.is_empty())?;
    let status = last.value.status;
    let refused = !AGREED.contains(&status) && status != UNAUTHORIZED;
    refused.then(|| Said::new(last.id(), Table::Http, u32::from(status)))
}

/// The match of a cause that the tables name for what the gateway said in packets.
pub(crate) fn by_code(evidence: &Evidence<'_>, cause: CauseId) -> Option<Match> {
    let said = number(evidence)?;
    Some(said.found(said.proof(cause)?))
}

/// The same for its HTTP status.
pub(crate) fn by_status(evidence: &Evidence<'_>, cause: CauseId) -> Option<Match> {
    let said = last_status(evidence)?;
    Some(said.found(said.proof(cause)?))
}

/// The HTTP status that refused, and whether credentials had been shown before.
pub(crate) fn refusing_status(evidence: &Evidence<'_>) -> Option<(u32, bool, Match)> {
    let said = last_status(evidence)?;
    let shown = !answers(evidence, |_| true).iter().all(|seen| !seen.value.after_credentials);
    Some((said.number, shown, said.found(Proof::Likely)))
}

/// A status that the tables have not got: the server knows other methods only (RFC 9110 15.5.6), and
/// so is no gateway.
pub(crate) fn unknown_method(evidence: &Evidence<'_>) -> Option<Match> {
    let said = last_status(evidence).filter(|said| said.number == METHOD_NOT_ALLOWED)?;
    let words = "It says HTTP status 405, Method Not Allowed: it has no RDG_OUT_DATA.";
    Some(Match::new(Severity::Blocking, Proof::Likely, [said.id]).detailed(words))
}

/// The last resort: a number for which no table names a cause that is judged here.
pub(crate) fn otherwise(evidence: &Evidence<'_>) -> Option<Match> {
    let said = number(evidence).or_else(|| last_status(evidence))?;
    let method = said.table == Table::Http && said.number == METHOD_NOT_ALLOWED;
    (!method && !said.is_spoken_for()).then(|| said.found(Proof::Proven))
}

/// Whether no credential left for the gateway, by decision.
pub(crate) fn withheld(evidence: &Evidence<'_>) -> bool {
    let no =
        |fact: &Fact| matches!(fact, Fact::CredentialRelease { released: false, .. }).then_some(());
    !evidence.gateway(no).is_empty()
}

/// What a client waited for, in words.
pub(crate) fn awaited_words(awaited: Awaited) -> &'static str {
    match awaited {
        Awaited::ServerHello | Awaited::HandshakeEnd => "in the TLS handshake",
        Awaited::GatewayHandshake => "when packets should begin",
        Awaited::GatewayAuthentication => "at the sign-in",
        Awaited::GatewayTunnel => "at the request for a tunnel",
        Awaited::GatewayAuthorization => "at the tunnel's authorisation",
        Awaited::GatewayChannel => "at the request for a channel to the host",
        Awaited::GatewayData => "in the middle of the connection to the host",
        _ => "at the first request",
    }
}

/// How the gateway ended a connection in the middle of the matter, where no number says why.
pub(crate) fn hung_up<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, StreamEnd>> {
    let end = ended(evidence).filter(|seen| seen.value.ending != Ending::Timeout)?;
    let in_the_middle = match end.value.awaited {
        Awaited::GatewayData => stopped_behind(evidence),
        _ => stopped(evidence).is_some(),
    };
    let answered = number(evidence).is_some() || last_status(evidence).is_some();
    (in_the_middle && !answered && end.value.awaited.stage() != Stage::Tcp).then_some(end)
}

/// How the gateway ended a TLS handshake: one without a certificate does, something else that speaks
/// no TLS does, and whatever in between does not let the name pass.
pub(crate) fn cut_in_tls<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, StreamEnd>> {
    let in_tls = [Awaited::ServerHello, Awaited::HandshakeEnd];
    hung_up(evidence).filter(|seen| in_tls.contains(&seen.value.awaited))
}

/// The fatal alert that the gateway sent.
pub(crate) fn alert<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, u8>> {
    let sent = evidence.gateway(|fact| match fact {
        Fact::TlsAlert { from: Party::Server, level: 2, description, .. } => Some(*description),
        _ => None,
    });
    sent.into_iter().next_back()
}

#[cfg(test)]
pub(crate) mod tests {
    use rdpdoctor_model::{Fact, GatewayStep, GatewayTransport, Purpose, Stage, StageOutcome};

    use crate::testing::Scene;

    /// By way of a gateway, and how far.
    pub(crate) trait ByGateway {
        fn fact_of_gateway(self, fact: Fact) -> Self;
        fn answered(self, status: u16, after_credentials: bool) -> Self;
        fn restricted(self) -> Self;
        fn said(self, step: GatewayStep, code: u32) -> Self;
        fn stopped_at_gateway(self) -> Self;
    }

    impl ByGateway for Scene {
        fn fact_of_gateway(self, fact: Fact) -> Self {
            self.fact(Stage::Gateway, fact)
        }

        fn answered(self, status: u16, after_credentials: bool) -> Self {
            let transport = GatewayTransport::WebSocket;
            let schemes = vec!["Negotiate".to_owned(), "NTLM".to_owned()];
            let (reason, server) = (None, None);
            self.fact_of_gateway(Fact::GatewayAnswer {
                transport,
                status,
                reason,
                schemes,
                server,
                after_credentials,
            })
        }

        fn restricted(self) -> Self {
            self.fact_of_gateway(Fact::GatewayAnswer {
                transport: GatewayTransport::WebSocket,
                status: 401,
                reason: Some("User Account Restricted".to_owned()),
                schemes: vec!["Negotiate".to_owned()],
                server: None,
                after_credentials: true,
            })
        }

        fn said(self, step: GatewayStep, code: u32) -> Self {
            self.fact_of_gateway(Fact::GatewayCode { step, code })
        }

        fn stopped_at_gateway(self) -> Self {
            let (outcome, elapsed_ms) = (StageOutcome::Stopped, 1.0);
            self.fact_of_gateway(Fact::StageEnded { outcome, reason: None, elapsed_ms })
        }
    }

    /// A gateway that was reached.
    pub(crate) fn gateway() -> Scene {
        let place = Fact::Gateway { host: "gw.corp.example".to_owned(), port: 443 };
        Scene::new().fact_of_gateway(place).connection(Purpose::Gateway)
    }

    /// A gateway that answered a step with this code.
    pub(crate) fn coded(step: GatewayStep, code: u32) -> Scene {
        gateway().answered(101, true).said(step, code).stopped_at_gateway()
    }
}
