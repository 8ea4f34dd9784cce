//! The certificate of the server uses a key or signature that is too weak.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::{advice, look};
use crate::{Cause, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `tls.certificate-weak`
pub static CAUSE: Cause = Cause {
    id: CauseId("tls.certificate-weak"),
    stage: Stage::Tls,
    owner: Owner::Host,
    title: "The certificate of {host} uses a key or signature that is too weak",
    explanation: "The key is short enough, or the signature's hash broken enough, that current clients refuse or warn.",
    excludes: &["password, account, licence"],
    remedies: &[advice::RENEW_CERTIFICATE],
    references: &[
        "https://learn.microsoft.com/en-us/security/trusted-root/program-requirements",
        "RFC 9155",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["cert-weak-key", "cert-weak-signature"]),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let seen = evidence.server_certificate()?;
    let key = &seen.value.public_key;
    let shortest = match key.algorithm.as_str() {
        "RSA" | "DSA" => 2048,
        "EC" => 224,
        _ => 0,
    };
    let signature = seen.value.signature_algorithm.to_lowercase();
    let broken_hash = ["md2", "md4", "md5", "sha1"].iter().any(|hash| signature.contains(hash));
    let short_key = key.bits.filter(|&bits| bits < shortest);
    let text = match (short_key, broken_hash) {
        (Some(bits), _) => {
            format!("Its {} key has {bits} bits; {shortest} are the least.", key.algorithm)
        }
        (None, true) => format!("It is signed with {}.", seen.value.signature_algorithm),
        (None, false) => return None,
    };
    let severity = look::certificate_severity(evidence.policy, Severity::Warning);
    Some(Match::new(severity, Proof::Proven, [seen.id()]).detailed(text))
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::Severity;
    use crate::testing::{Scene, certificate};

    #[test]
    fn short_keys_and_broken_hashes() {
        let judged = |bits, signature: &str| {
            let mut weak = certificate();
            weak.public_key.bits = Some(bits);
            weak.signature_algorithm = signature.to_owned();
            Scene::negotiated(2).certified(weak, &[18]).judge(&CAUSE).map(|m| m.severity)
        };
        assert_eq!(judged(1024, "sha256WithRSAEncryption"), Some(Severity::Warning));
        assert_eq!(judged(2048, "sha1WithRSAEncryption"), Some(Severity::Warning));
        assert_eq!(judged(2048, "sha256WithRSAEncryption"), None);
    }
}
