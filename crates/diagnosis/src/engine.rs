use rdpdoctor_model::{Fact, ObservationId, ReleaseReason, Source, Stage, StageOutcome};
use serde::{Deserialize, Serialize};

use crate::causes::cloud::rule_blocks;
use crate::causes::{self, logged, said};
use crate::machine;
use crate::{Cause, ClientCode, Evidence, Match, NextTest, Proof, Severity, TcpResult};

/// What the evidence comes down to.
#[derive(Debug, Clone)]
pub struct Diagnosis {
    /// The answer in one place.
    pub verdict: Verdict,
    /// How each stage went, in order.
    pub stages: Vec<StageReport>,
    /// Every cause that fits, ranked.
    pub findings: Vec<Finding>,
    /// What would tell the remaining ones apart.
    pub next_tests: Vec<NextTest>,
}

/// Whether a connection can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Works as far as it was tried, nothing to warn of.
    Ok,
    /// Works, but something is wrong.
    Degraded,
    /// A connection cannot be made.
    Failed,
    /// Could not be tried or decided.
    Unknown,
}

/// The answer in one place.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Whether a connection can be made.
    pub status: Status,
    /// Where it fails or suffers.
    pub stage: Option<Stage>,
    /// The cause, when there is one above `info` (or one that fits the reported code).
    pub cause: Option<&'static Cause>,
    /// How sure that is.
    pub proof: Option<Proof>,
    /// One line that a person understands.
    pub title: String,
    /// Whether the reported code is explained, when one was reported.
    pub reported: Option<Reported>,
}

/// What the user's client showed, and whether a finding explains it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reported {
    /// The disconnect reason.
    pub code: u32,
    /// The extended one.
    pub extended: Option<u32>,
    /// Whether a finding explains it.
    pub reproduced: bool,
}

/// How one stage went.
#[derive(Debug, Clone, PartialEq)]
pub struct StageReport {
    /// Which.
    pub stage: Stage,
    /// How.
    pub status: StageStatus,
    /// How long it took.
    pub elapsed_ms: f64,
    /// Why it was skipped or stopped, where the probe said so.
    pub reason: Option<String>,
}

/// How one stage went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StageStatus {
    /// Passed.
    Ok,
    /// Passed with a warning.
    Warned,
    /// Blocked here.
    Failed,
    /// Not tried.
    Skipped,
    /// Tried without a result.
    Unknown,
}

/// A cause that fits, with its evidence.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The cause.
    pub cause: &'static Cause,
    /// The stage it struck at.
    pub stage: Stage,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub proof: Proof,
    /// The observations it rests on.
    pub evidence: Vec<ObservationId>,
    /// One line.
    pub title: String,
    /// The explanation, with this case's own values.
    pub explanation: String,
    /// Whether a policy or a management service set what is wrong.
    pub managed: bool,
}

impl Finding {
    /// Whether a client that suffers from this shows the code.
    fn shows(&self, code: u32, extended: Option<u32>) -> bool {
        self.cause.client_shows.iter().any(|shown| shown.matches(code, extended))
    }
}

impl ClientCode {
    /// Whether a client that shows this pair may have shown `code` and `extended`; an unknown
    /// extended code on either side fits any.
    pub fn matches(&self, code: u32, extended: Option<u32>) -> bool {
        self.code == code
            && match (self.extended, extended) {
                (Some(a), Some(b)) => a == b,
                _ => true,
            }
    }
}

/// Judges the evidence with every rule of the catalogue.
pub fn diagnose(evidence: &Evidence<'_>) -> Diagnosis {
    let mut findings = rank(crate::CATALOGUE.iter().filter_map(|cause| {
        let found = judged(cause, evidence)?;
        Some(finding(cause, found, evidence))
    }));
    let reported = evidence
        .all(|fact| match fact {
            Fact::ReportedCode { code, extended } => Some((*code, *extended)),
            _ => None,
        })
        .pop()
        .map(|seen| seen.value);
    let fitting = reported.and_then(|(code, extended)| {
        findings.iter().position(|finding| finding.shows(code, extended))
    });
    let blocked = findings.first().is_some_and(|f| f.severity == Severity::Blocking);
    if let Some(position) = fitting
        && !blocked
    {
        let finding = findings.remove(position);
        findings.insert(0, finding);
    }
    let stages = stage_reports(evidence, &findings);
    let verdict = verdict(evidence, &findings, &stages, reported, fitting.is_some());
    let next_tests = next_tests(evidence, &findings);
    Diagnosis { verdict, stages, findings, next_tests }
}

/// What the cause's rule says, and else what event logs say of it: the tables of events name their
/// causes, so that no rule has to.
pub(crate) fn judged(cause: &Cause, evidence: &Evidence<'_>) -> Option<Match> {
    match (cause.rule)(evidence) {
        None => logged::by_event(evidence, cause.id),
        Some(seen) if seen.proof == Proof::Proven => Some(seen),
        Some(seen) => Some(confirmed(seen, cause, evidence)),
    }
}

/// What was seen from outside and is not proven by that, with the word of the host's own log about the
/// same connection. Facts that were collected tell of events without saying when.
fn confirmed(mut seen: Match, cause: &Cause, evidence: &Evidence<'_>) -> Match {
    let Some(logged) = logged::by_event(evidence, cause.id) else { return seen };
    let all = evidence.observations();
    let in_log =
        |id: &ObservationId| all.iter().any(|o| o.id == *id && o.source == Source::EventLog);
    let is_own = logged.evidence.iter().all(in_log) && !seen.evidence.iter().any(in_log);
    // What came later may have taken the entry's word back.
    let stands = logged.severity <= seen.severity;
    if is_own && stands && logged.proof < seen.proof {
        seen.proof = logged.proof;
        seen.evidence.extend(logged.evidence);
        let both = seen.detail.into_iter().chain(logged.detail);
        seen.detail = Some(both.collect::<Vec<_>>().join(" "));
    }
    seen
}

fn finding(cause: &'static Cause, found: Match, evidence: &Evidence<'_>) -> Finding {
    let mut explanation = fill(cause.explanation, evidence);
    if let Some(detail) = found.detail {
        explanation.push(' ');
        explanation.push_str(&detail);
    }
    Finding {
        cause,
        stage: found.stage.unwrap_or(cause.stage),
        severity: found.severity,
        proof: found.proof,
        evidence: found.evidence,
        managed: found.managed,
        title: fill(found.title.as_deref().unwrap_or(cause.title), evidence),
        explanation,
    }
}

/// Puts the target's values into a catalogue text.
pub(crate) fn fill(text: &str, evidence: &Evidence<'_>) -> String {
    if !text.contains('{') {
        return text.to_owned();
    }
    let (host, port, input) = evidence.target.map_or_else(
        || ("the host".to_owned(), "3389".to_owned(), "the host".to_owned()),
        |target| (target.host.clone(), target.port.to_string(), target.input.clone()),
    );
    let gateway = crate::gateway_place(evidence.observations());
    let gateway = gateway.map_or_else(|| "the gateway".to_owned(), |place| place.host);
    let text = text.replace("{gateway}", &gateway);
    text.replace("{host}", &host).replace("{port}", &port).replace("{target}", &input)
}

/// Severity, stage, declared precedence, proof, catalogue order (the order they come in).
fn rank(findings: impl Iterator<Item = Finding>) -> Vec<Finding> {
    let mut waiting: Vec<Finding> = findings.collect();
    waiting.sort_by_key(|f| (f.severity, f.stage, f.proof));
    let mut ranked = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let (severity, stage) = (waiting[0].severity, waiting[0].stage);
        let next = (0..waiting.len())
            .find(|&candidate| {
                let id = waiting[candidate].cause.id;
                (waiting[candidate].severity, waiting[candidate].stage) == (severity, stage)
                    && !waiting.iter().any(|other| {
                        (other.severity, other.stage) == (severity, stage)
                            && other.cause.more_specific_than.contains(&id)
                            && !is_guess_against_better(other, &waiting[candidate])
                    })
            })
            .unwrap_or(0);
        ranked.push(waiting.remove(next));
    }
    ranked
}

/// Whether a finding of which others are as possible would stand before one that is surer: what is
/// more precise leads, and what is only thinkable does not.
fn is_guess_against_better(finer: &Finding, coarser: &Finding) -> bool {
    finer.proof == Proof::Possible && coarser.proof < Proof::Possible
}

fn stage_reports(evidence: &Evidence<'_>, findings: &[Finding]) -> Vec<StageReport> {
    let mut reports: Vec<StageReport> = Vec::new();
    for observation in evidence.observations() {
        let Fact::StageEnded { outcome, reason, elapsed_ms } = &observation.fact else { continue };
        let worst =
            findings.iter().filter(|f| f.stage == observation.stage).map(|f| f.severity).min();
        let status = match (outcome, worst) {
            (StageOutcome::Skipped, _) => StageStatus::Skipped,
            (_, Some(Severity::Blocking)) => StageStatus::Failed,
            (StageOutcome::Stopped, _) => StageStatus::Unknown,
            (StageOutcome::Passed, Some(Severity::Warning)) => StageStatus::Warned,
            (StageOutcome::Passed, _) => StageStatus::Ok,
        };
        let report = StageReport {
            stage: observation.stage,
            status,
            elapsed_ms: *elapsed_ms,
            reason: reason.clone(),
        };
        match reports.iter_mut().find(|r| r.stage == observation.stage) {
            // Of several handshakes by UDP one that nobody waited for takes nothing from the others.
            Some(earlier)
                if report.stage == Stage::Udp
                    && report.status == StageStatus::Skipped
                    && earlier.status != StageStatus::Skipped => {}
            Some(earlier) => *earlier = report,
            None => reports.push(report),
        }
    }
    reports.sort_by_key(|r| r.stage);
    reports
}

fn verdict(
    evidence: &Evidence<'_>,
    findings: &[Finding],
    stages: &[StageReport],
    reported: Option<(u32, Option<u32>)>,
    fits: bool,
) -> Verdict {
    let first = findings.first().filter(|f| f.severity != Severity::Info || fits);
    let undecided = evidence.observations().iter().any(|observation| {
        matches!(
            observation.fact,
            Fact::Interrupted { .. }
                | Fact::OwnBug { .. }
                | Fact::RejectionRemembered { .. }
                | Fact::CredentialRelease { released: false, .. }
        )
    }) || stages.is_empty()
        || stages.iter().any(|s| s.status == StageStatus::Unknown)
        || machine::unread(evidence).is_some();
    let status = match findings.iter().map(|f| f.severity).min() {
        Some(Severity::Blocking) => Status::Failed,
        _ if undecided || (reported.is_some() && !fits) => Status::Unknown,
        Some(Severity::Warning) => Status::Degraded,
        Some(Severity::Info) | None => Status::Ok,
    };
    let title = match (first, withheld(evidence)) {
        (Some(finding), None) => finding.title.clone(),
        (Some(finding), Some(_)) if finding.severity == Severity::Blocking => finding.title.clone(),
        (_, Some(why)) => why,
        (None, None) if rule_blocks::is_all(evidence) => {
            "No rule in the listing keeps Remote Desktop out; the connection was not tried"
                .to_owned()
        }
        (None, None) if machine::unread(evidence).is_some() => {
            fill(machine::unread(evidence).unwrap_or_default(), evidence)
        }
        (None, None) if machine::is_all(evidence) => {
            fill("Nothing that was read on {host} stands in the way of Remote Desktop", evidence)
        }
        (None, None) if logged::is_all(evidence) => fill(logged::reached(evidence), evidence),
        (None, None) if undecided => {
            unread(evidence).unwrap_or_else(|| "The check ended before it could decide".to_owned())
        }
        _ => fill(reached(evidence), evidence),
    };
    Verdict {
        status,
        stage: first.map(|f| f.stage),
        cause: first.map(|f| f.cause),
        proof: first.map(|f| f.proof),
        title,
        reported: reported.map(|(code, extended)| Reported { code, extended, reproduced: fits }),
    }
}

/// Why a capture does not tell.
fn unread(evidence: &Evidence<'_>) -> Option<String> {
    fn why(fact: &Fact) -> Option<&str> {
        match fact {
            Fact::StageEnded { outcome: StageOutcome::Stopped, reason, .. } => reason.as_deref(),
            _ => None,
        }
    }
    let mut stopped = evidence.gateway(why).into_iter().chain(evidence.all(why));
    let seen = stopped.find(|s| s.observation.source == Source::Capture)?;
    Some(format!("Not decided at {}: {}", seen.observation.stage, seen.value))
}

/// Whether a capture shows that a session was used, without a look inside.
fn sealed_session(evidence: &Evidence<'_>) -> bool {
    let unseen = evidence.all(|fact| match fact {
        Fact::StageEnded { outcome: StageOutcome::Passed, reason: Some(_), .. } => Some(()),
        _ => None,
    });
    unseen.iter().any(|s| {
        let session = s.observation.stage == Stage::Session;
        session && s.observation.source == Source::Capture
    })
}

/// How far a check came that found nothing wrong.
fn reached(evidence: &Evidence<'_>) -> &'static str {
    let unsigned = evidence.gateway(|f| matches!(f, Fact::GatewayAnswer { .. }).then_some(()));
    let passed = evidence.gateway(|f| matches!(f, Fact::GatewayCode { .. }).then_some(()));
    if !unsigned.is_empty() && passed.is_empty() {
        return "{gateway} is an RD Gateway that asks for a sign-in; {host} not tested (needs -u)";
    }
    let seen = |pick: fn(&Fact) -> bool| !evidence.main_path(|f| pick(f).then_some(())).is_empty();
    let signed_in = seen(|fact| {
        matches!(fact, Fact::PublicKeyBinding { matches: true, .. } | Fact::LoggedOn { .. })
    });
    if seen(|fact| matches!(fact, Fact::RdpFile { .. })) && evidence.tcp() == TcpResult::NotTried {
        "The file leads to {host}, and nothing in it is wrong; the connection was not tried"
    } else if sealed_session(evidence) {
        "{host} was used by Remote Desktop, as far as can be told behind the encryption"
    } else if seen(|fact| matches!(fact, Fact::Picture { .. })) && signed_in {
        "{host} can be used by Remote Desktop: sign-in, session and picture work"
    } else if seen(|fact| matches!(fact, Fact::FontMap)) && signed_in {
        "{host} can be used by Remote Desktop: sign-in and session work"
    } else if seen(|fact| matches!(fact, Fact::FontMap)) {
        // Without NLA the logon screen is a session too (MS-RDPBCGR 5.4.5.1).
        "{host} opens a session; whether the password was taken it does not say: see the picture"
    } else if seen(|fact| matches!(fact, Fact::CredentialsKept { .. })) {
        // Without credentials nothing is said of the user's right to log on (MS-RDPBCGR 5.4.5.2.2).
        "{host} can be reached by Remote Desktop, and takes who is logged on here; whether it lets them in is not tested"
    } else if signed_in {
        "{host} can be reached by Remote Desktop, and the sign-in works; session not tested"
    } else {
        "{host} can be reached by Remote Desktop; sign-in not tested"
    }
}

/// Why no credential was sent, and the option that decides otherwise.
fn withheld(evidence: &Evidence<'_>) -> Option<String> {
    let remembered = evidence.all(|fact| match fact {
        Fact::RejectionRemembered { rejected_at, .. } => Some(*rejected_at),
        _ => None,
    });
    if let Some(seen) = remembered.first() {
        let minutes = evidence.judged_at.millis_since(seen.value).max(0) / 60_000;
        return Some(format!(
            "No password was sent: it was rejected {minutes} minutes ago; --again tries all the same"
        ));
    }
    let withheld_from_host = evidence.main_path(|fact| match fact {
        Fact::CredentialRelease { released: false, reason } => Some(*reason),
        _ => None,
    });
    let by_gateway = evidence.gateway(|fact| match fact {
        Fact::CredentialRelease { released: false, reason } => Some(*reason),
        _ => None,
    });
    let refused = by_gateway.first().map(|seen| (seen.value, true));
    let refused = refused.or(withheld_from_host.first().map(|seen| (seen.value, false)));
    let Some((reason, from_gateway)) = refused else { return said::by_system_words(evidence) };
    let why = match reason {
        ReleaseReason::NotJudged => {
            "nothing vouches for {host}; --pin, a terminal to ask on, or --trust any decides"
        }
        ReleaseReason::PinDiffers => "{host} shows another certificate than --pin says",
        ReleaseReason::FingerprintChanged => {
            "{host} shows another certificate than before; --pin decides"
        }
        ReleaseReason::Intercepted => {
            "something opens the encryption on the way; --trust any sends it all the same"
        }
        ReleaseReason::OtherMachine => {
            "{host} shows another machine's certificate; --pin or --trust any decides"
        }
        ReleaseReason::EncryptionOracle => "{host} is open to CVE-2018-0886",
        ReleaseReason::CertificateTrusted
        | ReleaseReason::KerberosAuthenticates
        | ReleaseReason::PinMatches
        | ReleaseReason::FingerprintKnown
        | ReleaseReason::UserConfirmed
        | ReleaseReason::TrustAny => return None,
    };
    let why = if from_gateway { why.replace("{host}", "{gateway}") } else { why.to_owned() };
    Some(fill(&format!("No password was sent: {why}"), evidence))
}

/// The tests of the findings that are not proven, best first, each once.
fn next_tests(evidence: &Evidence<'_>, findings: &[Finding]) -> Vec<NextTest> {
    let mut tests = Vec::new();
    for finding in findings.iter().filter(|f| f.proof != Proof::Proven) {
        let own = causes::separating(evidence, finding.cause.id);
        for test in own.chain(finding.cause.next_tests.iter().copied()) {
            if !tests.contains(&test) {
                tests.push(test);
            }
        }
    }
    tests
}
