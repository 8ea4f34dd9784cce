//! The certificate of the server is not valid yet.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::{advice, look};
use crate::{Cause, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `tls.certificate-not-yet-valid`
pub static CAUSE: Cause = Cause {
    id: CauseId("tls.certificate-not-yet-valid"),
    stage: Stage::Tls,
    owner: Owner::Host,
    title: "The certificate of {host} is not valid yet",
    explanation: "The certificate begins to be valid in the future. Either the clock of this machine is behind, or the clock of the machine that made the certificate was ahead.",
    excludes: &["password, account, licence"],
    remedies: &[advice::RENEW_CERTIFICATE],
    references: &["RFC 5280 4.1.2.5"],
    client_shows: &[],
    more_specific_than: &[
        CauseId("tls.certificate-untrusted"),
        CauseId("tls.certificate-name-mismatch"),
    ],
    reproduction: Reproduction::Lab(&["cert-not-yet-valid"]),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let seen = evidence.server_certificate()?;
    let early = seen.value.not_before > evidence.judged_at;
    let severity = look::certificate_severity(evidence.policy, Severity::Warning);
    early.then(|| {
        Match::new(severity, Proof::Proven, [seen.id()])
            .detailed(format!("It is valid from {} on.", seen.value.not_before))
    })
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::Severity;
    use crate::testing::{Scene, certificate};

    #[test]
    fn from_tomorrow_and_from_yesterday() {
        let judged = |from: &str| {
            let mut new = certificate();
            new.not_before = from.parse().expect("a moment");
            Scene::negotiated(2).certified(new, &[18]).judge(&CAUSE).map(|m| m.severity)
        };
        assert_eq!(judged("2026-11-22T00:00:00Z"), Some(Severity::Warning));
        assert_eq!(judged("2026-11-20T00:00:00Z"), None);
    }
}
