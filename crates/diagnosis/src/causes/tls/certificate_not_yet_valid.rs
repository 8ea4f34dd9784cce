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

/// No tolerance: `mstsc` has none.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let seen = evidence.server_certificate()?;
    if seen.value.not_before <= evidence.judged_at {
        return None;
    }
    let clock = look::clock_offset(evidence);
    let clock_text = clock.as_ref().map_or_else(
        || "The clock here said".to_owned(),
        |clock| {
            let words = look::clock_words(clock.value);
            format!("The server's clock is {words} the one here, which said")
        },
    );
    let text = format!(
        "It is valid from {} on. {clock_text} {} when this was judged.",
        seen.value.not_before, evidence.judged_at
    );
    let ids = [Some(seen.id()), clock.map(|clock| clock.id())].into_iter().flatten();
    let severity = look::certificate_severity(evidence.policy, Severity::Warning);
    Some(Match::new(severity, Proof::Proven, ids).detailed(text))
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
        assert_eq!(judged("2026-11-21T12:00:00Z"), None);
    }

    #[test]
    fn it_says_whose_clock_is_off() {
        let mut new = certificate();
        new.not_before = "2026-11-21T13:00:00Z".parse().expect("a moment");
        let scene = Scene::negotiated(2).certified(new, &[18]).clock_off_by(7200);
        let detail = scene.judge(&CAUSE).and_then(|m| m.detail).expect("not valid yet");
        assert!(detail.contains("2 hours ahead of the one here"), "{detail}");
    }
}
