//! The certificate of the server is not meant for a server.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::{advice, look};
use crate::{Cause, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `tls.certificate-wrong-usage`
pub static CAUSE: Cause = Cause {
    id: CauseId("tls.certificate-wrong-usage"),
    stage: Stage::Tls,
    owner: Owner::Host,
    title: "The certificate of {host} is not meant for a server",
    explanation: "The certificate's own extensions leave out the usage that a server needs. It was issued for something else, such as a client's sign-in.",
    excludes: &["password, account, licence"],
    remedies: &[advice::RENEW_CERTIFICATE],
    references: &[
        "RFC 5280 4.2.1.12",
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/remote-desktop-listener-certificate-configurations",
    ],
    client_shows: &[],
    more_specific_than: &[CauseId("tls.certificate-untrusted")],
    reproduction: Reproduction::Lab(&["cert-wrong-usage"]),
    next_tests: &[],
    rule,
};

/// serverAuth, anything, and Microsoft's Remote Desktop Authentication.
const FIT: [&str; 3] = ["serverAuth", "anyExtendedKeyUsage", "1.3.6.1.4.1.311.54.1.2"];

/// What a server's key does in one key exchange or another.
const KEY_FIT: [&str; 3] = ["digitalSignature", "keyEncipherment", "keyAgreement"];

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let seen = evidence.server_certificate()?;
    let lacks = |usages: &Option<Vec<String>>, fit: &[&str]| {
        let list =
            usages.as_ref().filter(|u| !u.iter().any(|usage| fit.contains(&usage.as_str())))?;
        Some(if list.is_empty() { "nothing".to_owned() } else { list.join(", ") })
    };
    let usages = lacks(&seen.value.extended_key_usage, &FIT)
        .or_else(|| lacks(&seen.value.key_usage, &KEY_FIT))?;
    let severity = look::certificate_severity(evidence.policy, Severity::Warning);
    let text = format!("It is meant for: {usages}.");
    Some(Match::new(severity, Proof::Proven, [seen.id()]).detailed(text))
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::{Scene, certificate};

    fn wrong(extended: Option<&[&str]>, key: Option<&[&str]>) -> bool {
        let list = |usages: &[&str]| usages.iter().map(ToString::to_string).collect();
        let mut made = certificate();
        made.extended_key_usage = extended.map(list);
        made.key_usage = key.map(list);
        Scene::negotiated(2).certified(made, &[18]).judge(&CAUSE).is_some()
    }

    #[test]
    fn usages() {
        assert!(wrong(Some(&["clientAuth"]), None));
        assert!(wrong(Some(&[]), None));
        assert!(!wrong(Some(&["clientAuth", "serverAuth"]), None));
        assert!(!wrong(Some(&["anyExtendedKeyUsage"]), None));
        assert!(!wrong(Some(&["1.3.6.1.4.1.311.54.1.2"]), None));
        assert!(!wrong(None, None));
    }

    #[test]
    fn key_usages() {
        assert!(wrong(Some(&["serverAuth"]), Some(&["keyCertSign", "cRLSign"])));
        // What Windows puts into its self-signed one.
        assert!(!wrong(Some(&["serverAuth"]), Some(&["keyEncipherment", "dataEncipherment"])));
        assert!(!wrong(None, Some(&["digitalSignature"])));
    }
}
