//! The certificate of the server is not issued by anybody this machine trusts.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::look;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `tls.certificate-untrusted`
pub static CAUSE: Cause = Cause {
    id: CauseId("tls.certificate-untrusted"),
    stage: Stage::Tls,
    owner: Owner::Host,
    title: "The certificate of {host} is not issued by anybody this machine trusts",
    explanation: "Nothing vouches for the server's name. A self-signed certificate is what every Windows host has, and a client asks once; one of an unknown CA means that its root is missing here.",
    excludes: &["password, account, licence"],
    remedies: &[Remedy {
        id: "trust-the-issuer",
        place: Where::Client,
        risk: Risk::Medium,
        title: "Import the root of your own CA on this machine, after checking its fingerprint",
        steps: &[
            "Get the root's file and its fingerprint from whoever runs the CA, not from the server.",
            "PS> Import-Certificate -FilePath C:\\root.cer -CertStoreLocation Cert:\\LocalMachine\\Root",
            "Self-signed: compare the fingerprint with the host's once: rdpdoctor check {target} --details",
        ],
        interrupts: "nothing",
        undo: &["PS> Remove-Item Cert:\\LocalMachine\\Root\\<thumbprint of the root>"],
        verify: "the finding is gone",
    }],
    references: &[
        "RFC 5280 6",
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/remote-desktop-listener-certificate-configurations",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["cert-unknown-ca"]),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let certificate = evidence.server_certificate()?;
    let chain = look::chain(evidence)?;
    let (errors, roots) = chain.value;
    if !look::untrusted(errors) {
        return None;
    }
    let ids = [certificate.id(), chain.id()];
    let with = |otherwise| look::certificate_severity(evidence.policy, otherwise);
    let texts: Vec<&str> = errors.iter().map(|error| error.text.as_str()).collect();
    Some(if look::self_signed(certificate.value, errors) {
        Match::new(with(Severity::Info), Proof::Proven, ids).titled(format!(
            "The certificate of {} is self-signed, as every Windows host's is",
            evidence.target.map_or("the host", |target| target.host.as_str())
        ))
    } else if roots == 0 {
        let found = Match::new(with(Severity::Info), Proof::Possible, ids);
        found.detailed("This machine's trust store could not be read.")
    } else {
        let found = Match::new(with(Severity::Warning), Proof::Proven, ids);
        found.detailed(format!(
            "It is issued by {}: {}.",
            certificate.value.issuer,
            texts.join(", ")
        ))
    })
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::Severity;
    use crate::testing::{Scene, certificate};

    fn scene(own: bool, errors: &[i32]) -> Scene {
        let mut mine = certificate();
        mine.self_issued = own;
        Scene::negotiated(2).certified(mine, errors)
    }

    #[test]
    fn self_signed_is_what_every_host_has() {
        let judged = |own, errors: &[i32]| scene(own, errors).judge(&CAUSE).map(|m| m.severity);
        assert_eq!(judged(true, &[18]), Some(Severity::Info));
        assert_eq!(judged(true, &[18, 10]), Some(Severity::Info));
        assert_eq!(judged(false, &[20, 21]), Some(Severity::Warning));
        assert_eq!(
            scene(true, &[18]).strict().judge(&CAUSE).map(|m| m.severity),
            Some(Severity::Blocking)
        );
    }

    #[test]
    fn near_miss_what_is_wrong_is_not_the_issuer() {
        // Expired, meant for something else, revoked: findings of their own.
        for code in [9, 10, 26, 23] {
            assert_eq!(scene(false, &[code]).judge(&CAUSE), None, "X509_V_ERR {code}");
        }
        assert_eq!(scene(false, &[]).judge(&CAUSE), None);
    }
}
