//! The certificate of the server has expired.

use rdpdoctor_model::{CauseId, Fact, Stage};

use crate::causes::{advice, look};
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `tls.certificate-expired`
pub static CAUSE: Cause = Cause {
    id: CauseId("tls.certificate-expired"),
    stage: Stage::Tls,
    owner: Owner::Host,
    title: "The certificate of {host} has expired",
    explanation: "A Windows host renews its self-signed certificate by itself. An expired one means that the renewal failed, often because the key's permissions were changed; one of a CA was not renewed in time.",
    excludes: &["password, account, licence"],
    remedies: &[advice::RENEW_CERTIFICATE],
    references: &[
        "RFC 5280 4.1.2.5",
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/remote-desktop-listener-certificate-configurations",
    ],
    client_shows: &[ClientCode { code: 0x904, extended: Some(7), proof: Proof::Possible }],
    more_specific_than: &[
        CauseId("tls.certificate-untrusted"),
        CauseId("tls.certificate-name-mismatch"),
        CauseId("tls.certificate-weak"),
    ],
    reproduction: Reproduction::Lab(&["cert-expired"]),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let severity = look::certificate_severity(evidence.policy, Severity::Warning);
    let own = evidence.server_certificate()?;
    if own.value.not_after < evidence.judged_at {
        return Some(
            Match::new(severity, Proof::Proven, [own.id()])
                .detailed(format!("It was valid to {}.", own.value.not_after.date())),
        );
    }
    // Servers send old certificates that no path needs; only one on the path that was judged counts.
    let chain = look::chain(evidence)?;
    let above =
        chain.value.0.iter().find(|error| error.code == look::EXPIRED && error.depth > 0)?;
    let sent = evidence.main_path(|fact| match fact {
        Fact::ServerCertificates { certificates } => certificates.get(1..),
        _ => None,
    });
    let issuer = sent
        .iter()
        .rev()
        .flat_map(|seen| seen.value)
        .find(|issuer| issuer.not_after < evidence.judged_at);
    let text = issuer.map_or_else(
        || format!("It is certificate {} above the host's own.", above.depth),
        |issuer| format!("It is {}, valid to {}.", issuer.subject, issuer.not_after.date()),
    );
    let host = evidence.target.map_or("the host", |target| target.host.as_str());
    Some(
        Match::new(severity, Proof::Proven, [own.id(), chain.id()])
            .titled(format!("A certificate that vouches for the one of {host} has expired"))
            .detailed(text),
    )
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{Certificate, ChainError, Fact, Stage};

    use super::CAUSE;
    use crate::Severity;
    use crate::testing::{Scene, certificate};

    fn valid_to(moment: &str) -> Certificate {
        let mut made = certificate();
        made.not_after = moment.parse().expect("a moment");
        made
    }

    #[test]
    fn valid_to_yesterday_and_to_tomorrow() {
        let judged = |to| Scene::negotiated(2).certified(valid_to(to), &[18]).judge(&CAUSE);
        let found = judged("2026-11-20T00:00:00Z").expect("expired");
        assert_eq!(found.severity, Severity::Warning);
        assert_eq!(found.detail.as_deref(), Some("It was valid to 2026-11-20."));
        assert_eq!(judged("2026-11-22T00:00:00Z"), None);
        let strict = Scene::negotiated(2).certified(valid_to("2026-11-20T00:00:00Z"), &[18]);
        assert_eq!(strict.strict().judge(&CAUSE).map(|m| m.severity), Some(Severity::Blocking));
    }

    /// An old cross-signed root that a server still sends harms nobody while another path holds.
    #[test]
    fn of_the_issuers_only_those_on_the_path_count() {
        let issued = |errors| {
            let certificates = vec![certificate(), valid_to("2024-09-30T00:00:00Z")];
            let store = "a test's".to_owned();
            Scene::negotiated(2)
                .fact(Stage::Tls, Fact::ServerCertificates { certificates })
                .fact(Stage::Tls, Fact::CertificateChain { errors, store, roots: 1 })
                .judge(&CAUSE)
        };
        let expired = ChainError { depth: 1, code: 10, text: "expired".to_owned() };
        let found = issued(vec![expired]).expect("on the path");
        assert!(found.detail.is_some_and(|detail| detail.contains("2024-09-30")));
        assert_eq!(issued(Vec::new()), None);
    }
}
