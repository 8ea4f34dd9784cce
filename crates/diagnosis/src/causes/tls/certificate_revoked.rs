//! The certificate of the server has been revoked.

use rdpdoctor_model::{CauseId, Fact, RevocationAnswer, Stage};

use crate::causes::{advice, look};
use crate::{Cause, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `tls.certificate-revoked`
pub static CAUSE: Cause = Cause {
    id: CauseId("tls.certificate-revoked"),
    stage: Stage::Tls,
    owner: Owner::Host,
    title: "The certificate of {host} has been revoked",
    explanation: "Its CA took the certificate back. Either it was replaced and the host still shows the old one, or its key is in wrong hands: do not send a password before that is known.",
    excludes: &["password, account, licence"],
    remedies: &[advice::RENEW_CERTIFICATE],
    references: &["RFC 5280 5", "RFC 6960"],
    client_shows: &[],
    more_specific_than: &[CauseId("tls.certificate-untrusted")],
    reproduction: Reproduction::Lab(&["cert-revoked"]),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let answers = evidence.all(|fact| match fact {
        Fact::Revocation { answer, .. } => Some(answer),
        _ => None,
    });
    let revoked = answers
        .into_iter()
        .find(|seen| seen.value.as_seen() == Some(&RevocationAnswer::Revoked))?;
    let severity = look::certificate_severity(evidence.policy, Severity::Warning);
    Some(Match::new(severity, Proof::Proven, [revoked.id()]))
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
        assert!(judged(Lookup::seen(RevocationAnswer::Revoked)));
        assert!(!judged(Lookup::seen(RevocationAnswer::Good)));
        assert!(!judged(Lookup::unavailable("no answer")));
    }
}
