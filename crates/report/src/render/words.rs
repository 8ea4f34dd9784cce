//! Words that several renderers share.

use rdpdoctor_model::{Fact, Stage};

use crate::Document;
use crate::document::{
    Finding, NextTest, Owner, Place, Proof, Risk, Severity, StageStatus, Status, TargetEntry,
};
use crate::harmless::clean;
use crate::stage_label;

/// Characters of one text that a short view takes in at most.
pub(super) const SHORT: usize = 400;

/// Characters of one text that a full view takes in at most; the JSON holds the rest.
pub(super) const LONG: usize = 4_000;

/// How sure a finding is.
pub(super) fn proof(proof: Proof) -> &'static str {
    match proof {
        Proof::Proven => "proven",
        Proof::Likely => "likely, not proven",
        Proof::Possible => "one of several possible causes",
    }
}

pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Blocking => "blocks the connection",
        Severity::Warning => "warning",
        Severity::Info => "worth knowing",
    }
}

pub(super) fn risk(risk: Risk) -> &'static str {
    match risk {
        Risk::Low => "low",
        Risk::Medium => "medium",
        Risk::High => "high",
    }
}

pub(super) fn place(place: Place) -> &'static str {
    match place {
        Place::Host => "on the host",
        Place::Client => "on the client",
        Place::Network => "in the network",
        Place::Gateway => "on the RD Gateway",
        Place::Directory => "in the directory",
        Place::Policy => "in a group policy",
        Place::Pam => "in the privileged access product",
        Place::Cloud => "in the cloud's console",
    }
}

/// A stage's status as the terminal's column has it.
pub(super) fn stage_mark(status: StageStatus) -> &'static str {
    match status {
        StageStatus::Ok => "ok",
        StageStatus::Warned => "warn",
        StageStatus::Failed => "FAIL",
        StageStatus::Skipped => "-",
        StageStatus::Unknown => "?",
    }
}

/// Whether a code was reported and nothing found explains it.
pub(super) fn not_reproduced(document: &Document) -> bool {
    document.verdict.reported.as_ref().is_some_and(|reported| !reported.reproduced)
}

/// The verdict's label by status and proof.
pub(super) fn label(document: &Document) -> &'static str {
    match (document.verdict.status, document.verdict.proof) {
        // Nobody tried whether it works.
        (Status::Ok, _) if only_a_file(document) => "FINE",
        (Status::Degraded, _) if only_a_file(document) => "FINE, BUT",
        (Status::Ok, _) => "WORKS",
        (Status::Degraded, _) => "WORKS, BUT",
        (Status::Unknown, _) if not_reproduced(document) => "NOT REPRODUCED",
        (Status::Unknown, _) => "UNKNOWN",
        (Status::Failed, Some(Proof::Proven)) => "PROVEN",
        (Status::Failed, Some(Proof::Likely)) => "MOST LIKELY",
        (Status::Failed, Some(Proof::Possible) | None) => "POSSIBLY",
    }
}

/// The verdict's one line. A warning that does not explain the reported code is not the answer to
/// the question that was asked.
pub(super) fn title(document: &Document) -> String {
    let verdict = &document.verdict;
    match &verdict.reported {
        Some(reported) if verdict.status == Status::Unknown && !reported.reproduced => format!(
            "nothing found from here explains your {}",
            pair(&reported.code, reported.extended.as_deref())
        ),
        _ => clean(&verdict.title, SHORT),
    }
}

/// Cause, proof, and what it has to do with the codes that a client shows.
pub(super) fn identity(document: &Document) -> Option<String> {
    let verdict = &document.verdict;
    let cause = verdict.cause.as_deref()?;
    let proof = verdict.proof.map(|p| format!(", {}", proof(p))).unwrap_or_default();
    let codes = match (&verdict.reported, verdict.client_shows.first()) {
        (Some(reported), _) => {
            let code = pair(&reported.code, reported.extended.as_deref());
            let fits = if reported.reproduced { "Fits" } else { "Does not explain" };
            format!(" {fits} your {code}.")
        }
        (None, Some(shown)) => {
            let sure = if shown.proof == Proof::Proven { "shows" } else { "may show" };
            format!(" A client {sure} {}.", pair(&shown.code, shown.extended.as_deref()))
        }
        (None, None) => String::new(),
    };
    Some(format!("{}{proof}.{codes}", clean(cause, SHORT)))
}

/// A pair of codes as a client's dialog has them.
pub(super) fn pair(code: &str, extended: Option<&str>) -> String {
    let code = clean(code, 40);
    match extended {
        Some(extended) => format!("{code} / {}", clean(extended, 40)),
        None => code,
    }
}

/// What it is not. Where the sign-in was never reached, the password is the first thing people
/// change in vain.
pub(super) fn not_this(document: &Document) -> Option<String> {
    let excludes = &document.verdict.excludes;
    if excludes.is_empty() {
        return None;
    }
    let mut words = clean(&excludes.join(", "), SHORT);
    words.push('.');
    if excludes.iter().any(|what| what.split([',', ' ']).any(|word| word == "password")) {
        words.push_str(" Do not reset the password.");
    }
    Some(words)
}

/// The other findings of the first one's weight.
pub(super) fn alternatives(document: &Document) -> Vec<&Finding> {
    let Some(first) = document.findings.first() else { return Vec::new() };
    let is_verdict = document.verdict.cause.as_deref() == Some(first.cause.as_str());
    document
        .findings
        .iter()
        .skip(1)
        .filter(|f| is_verdict && f.severity == first.severity && f.severity != Severity::Info)
        .collect()
}

/// Findings that stand beside the verdict: neither its own nor an alternative to it.
pub(super) fn also(document: &Document) -> Vec<&Finding> {
    let alternatives: Vec<&str> = alternatives(document).iter().map(|f| f.cause.as_str()).collect();
    document
        .findings
        .iter()
        .filter(|f| {
            document.verdict.cause.as_deref() != Some(f.cause.as_str())
                && !alternatives.contains(&f.cause.as_str())
        })
        .collect()
}

/// Titles in a row, the first `most` of them.
pub(super) fn titles(findings: &[&Finding], most: usize) -> Option<String> {
    let shown: Vec<String> = findings.iter().take(most).map(|f| clean(&f.title, SHORT)).collect();
    match (shown.is_empty(), findings.len().saturating_sub(most)) {
        (true, _) => None,
        (false, 0) => Some(format!("{}.", shown.join("; "))),
        (false, more) => Some(format!("{}; and {more} more.", shown.join("; "))),
    }
}

/// Whether all that was looked at is an `.rdp` file.
fn only_a_file(document: &Document) -> bool {
    document.stages.iter().all(|entry| entry.stage == Stage::RdpFile)
}

/// Whom a document is about; a broken file names nobody, so it stands for itself.
pub(super) fn destination(target: &TargetEntry) -> String {
    if target.host.is_empty() {
        format!("nobody ({})", clean(&target.input, SHORT))
    } else {
        format!("{} port {}", clean(&target.host, SHORT), target.port)
    }
}

/// Whether only the facts of a machine were judged; it may be the very one that the program runs on.
fn is_of_a_machine(document: &Document) -> bool {
    document.stages.iter().all(|entry| matches!(entry.stage, Stage::Host | Stage::Client))
}

/// Whose it is, in words.
pub(super) fn whose(document: &Document) -> Option<String> {
    let host = &document.target.host;
    let is_name = host.parse::<std::net::IpAddr>().is_err();
    let short = host.split(['.', '%']).next().filter(|_| is_name).unwrap_or(host);
    let host = clean(short, 40);
    Some(match document.verdict.owner? {
        Owner::Host if is_of_a_machine(document) => format!("whoever administers {host}."),
        Owner::Host => format!("whoever administers {host}; nothing to fix on this machine."),
        Owner::Client => "this machine, the one in front of the user.".to_owned(),
        Owner::Network => "whoever runs the network between here and there.".to_owned(),
        Owner::Gateway => "whoever runs the RD Gateway; nothing to fix on this machine.".to_owned(),
        Owner::Directory => {
            "whoever runs the directory (accounts, domain controllers, DNS).".to_owned()
        }
        Owner::Pam => "whoever runs the privileged access product.".to_owned(),
        Owner::Cloud => "whoever runs the cloud subscription.".to_owned(),
        Owner::User => "the user.".to_owned(),
    })
}

/// A step's command without its prompt, where the step is a command.
pub(super) fn command(step: &str) -> Option<&str> {
    step.strip_prefix("PS> ").or_else(|| step.strip_prefix("$ "))
}

/// What to ask next: the best test of the diagnosis; when nothing found explains the code that the
/// user's client showed, what that code means.
pub(super) fn next_test(document: &Document) -> Option<NextTest> {
    let explain = || {
        let reported = document.verdict.reported.as_ref().filter(|r| !r.reproduced)?;
        let extended = reported.extended.as_deref().map(|e| format!(" {e}")).unwrap_or_default();
        Some(NextTest {
            why: "says which causes show that code; then check from where the user sits".to_owned(),
            command: format!("rdpdoctor explain {}{extended}", reported.code),
        })
    };
    document.next_tests.first().cloned().or_else(explain)
}

/// Why there is no verdict: what stopped the check, or the stage that gave no result.
pub(super) fn why_undecided(document: &Document) -> Option<String> {
    if document.verdict.status != Status::Unknown {
        return None;
    }
    let stopped = document.observations.iter().find_map(|observation| match &observation.fact {
        Fact::Interrupted { by } => Some(format!("stopped by {}.", clean(by, SHORT))),
        Fact::OwnBug { message } => {
            Some(format!("an error of rdpdoctor itself: {}.", clean(message, SHORT)))
        }
        _ => None,
    });
    let without_result = || {
        let stage = document.stages.iter().find(|s| s.status == StageStatus::Unknown)?;
        Some(format!("{}: {}.", stage_label(stage.stage), clean(&stage.detail, SHORT)))
    };
    stopped.or_else(without_result)
}
