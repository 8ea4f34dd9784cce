//! Whether the certificate of the server was revoked could not be asked.

use rdpdoctor_model::{CauseId, Fact, RevocationAnswer, Stage};

use crate::causes::look;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `tls.revocation-unreachable`
pub static CAUSE: Cause = Cause {
    id: CauseId("tls.revocation-unreachable"),
    stage: Stage::Tls,
    owner: Owner::Network,
    title: "Whether the certificate of {host} was revoked could not be asked",
    explanation: "The places where its CA publishes revocations do not answer from here. A Windows client says that a revocation check could not be performed, and asks.",
    excludes: &["password, account, licence"],
    remedies: &[Remedy {
        id: "let-the-client-reach-the-list",
        place: Where::Network,
        risk: Risk::Low,
        title: "Let clients reach the CA's revocation list or responder",
        steps: &[
            "$ rdpdoctor check {target} --details   (shows the address that was asked)",
            "PS> certutil -URL C:\\server.cer   (on the client)",
            "Open the way to that address, or publish the list where clients can reach it.",
        ],
        interrupts: "nothing",
        undo: &["Close the way again."],
        verify: "the finding is gone",
    }],
    references: &["RFC 5280 4.2.1.13"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["cert-revocation-unreachable"]),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let answers = evidence.all(|fact| match fact {
        Fact::Revocation { answer, .. } => Some(answer),
        _ => None,
    });
    let told = answers.iter().any(|seen| {
        matches!(seen.value.as_seen(), Some(RevocationAnswer::Good | RevocationAnswer::Revoked))
    });
    if told || !look::trusted(evidence) {
        return None;
    }
    let last = answers.last()?;
    let severity = look::certificate_severity(evidence.policy, Severity::Warning);
    Some(Match::new(severity, Proof::Proven, [last.id()]))
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{Lookup, RevocationAnswer};

    use super::CAUSE;
    use crate::testing::{Scene, certificate};

    #[test]
    fn what_was_answered() {
        let judged = |answer| {
            let mut issued = certificate();
            issued.self_issued = false;
            let scene = Scene::negotiated(2).certified(issued, &[]).revocation(answer);
            scene.judge(&CAUSE).is_some()
        };
        assert!(judged(Lookup::unavailable("no answer")));
        assert!(!judged(Lookup::seen(RevocationAnswer::Good)));
        assert!(!judged(Lookup::seen(RevocationAnswer::Revoked)));
    }
}
