//! Whether the certificate of the server was revoked could not be asked.

use rdpdoctor_model::{CauseId, Fact, Lookup, RevocationAnswer, Stage};

use crate::causes::look;
use crate::{
    Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Seen, Severity, Where,
};

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
    let asked = evidence.all(|fact| match fact {
        Fact::Revocation { url, answer, .. } => Some((url.as_deref(), answer)),
        _ => None,
    });
    let told = asked.iter().any(|seen| {
        matches!(seen.value.1.as_seen(), Some(RevocationAnswer::Good | RevocationAnswer::Revoked))
    });
    if asked.is_empty() || told || !look::trusted(evidence) {
        return None;
    }
    let places: Vec<String> = asked
        .iter()
        .map(|seen| {
            let place = seen.value.0.unwrap_or("the answer stapled to the handshake");
            match seen.value.1 {
                Lookup::Unavailable { why } => format!("{place} ({why})"),
                Lookup::Absent => format!("{place} (nothing there)"),
                Lookup::Seen { .. } => format!("{place} (does not know the certificate)"),
            }
        })
        .collect();
    let severity = look::certificate_severity(evidence.policy, Severity::Warning);
    Some(
        Match::new(severity, Proof::Proven, asked.iter().map(Seen::id))
            .detailed(format!("Asked in vain: {}.", places.join(", "))),
    )
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
    #[test]
    fn one_good_word_is_enough_and_without_a_question_there_is_no_finding() {
        let mut issued = certificate();
        issued.self_issued = false;
        let trusted = || Scene::negotiated(2).certified(issued.clone(), &[]);
        let silent = || Lookup::unavailable("no answer");
        let found = trusted().revocation(silent()).revocation(silent()).judge(&CAUSE);
        assert_eq!(found.map(|m| m.evidence.len()), Some(2));
        let one = trusted().revocation(silent()).revocation(Lookup::seen(RevocationAnswer::Good));
        assert_eq!(one.judge(&CAUSE), None);
        assert_eq!(trusted().judge(&CAUSE), None);
        // Nobody asks about a certificate that is not trusted anyway.
        let untrusted = Scene::negotiated(2).certified(issued.clone(), &[20]).revocation(silent());
        assert_eq!(untrusted.judge(&CAUSE), None);
    }
}
