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
    let chain = evidence.main_path(|fact| match fact {
        Fact::ServerCertificates { certificates } => Some(certificates),
        _ => None,
    });
    let seen = chain.into_iter().next_back()?;
    // The server's own first, then those that issued it.
    let expired = seen.value.iter().position(|c| c.not_after < evidence.judged_at)?;
    let whose = if expired == 0 {
        "It".to_owned()
    } else {
        format!("The issuing {}", seen.value[expired].subject)
    };
    let severity = look::certificate_severity(evidence.policy, Severity::Warning);
    Some(
        Match::new(severity, Proof::Proven, [seen.id()])
            .detailed(format!("{whose} was valid to {}.", seen.value[expired].not_after.date())),
    )
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::Severity;
    use crate::testing::{Scene, certificate};

    #[test]
    fn valid_to_yesterday_and_to_tomorrow() {
        let judged = |to: &str| {
            let mut old = certificate();
            old.not_after = to.parse().expect("a moment");
            Scene::negotiated(2).certified(old, &[18]).judge(&CAUSE).map(|m| m.severity)
        };
        assert_eq!(judged("2026-11-20T00:00:00Z"), Some(Severity::Warning));
        assert_eq!(judged("2026-11-22T00:00:00Z"), None);
    }
}
