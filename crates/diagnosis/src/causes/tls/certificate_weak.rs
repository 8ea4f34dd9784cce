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

/// Hashes whose collisions can be made (RFC 6149, RFC 6151, RFC 8017 B.1).
const BROKEN_HASHES: [&str; 5] = ["md2", "md4", "md5", "sha1", "sha-1"];

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let seen = evidence.server_certificate()?;
    let key = &seen.value.public_key;
    let shortest = match key.algorithm.as_str() {
        "RSA" => 2048,
        "EC" => 224,
        _ => 0,
    };
    let signature = &seen.value.signature_algorithm;
    let named = signature.to_lowercase();
    let mut problems = Vec::new();
    if key.algorithm == "DSA" {
        problems.push("its key is a DSA key, which no current client takes".to_owned());
    }
    if let Some(bits) = key.bits.filter(|&bits| bits < shortest) {
        let algorithm = &key.algorithm;
        problems.push(format!("its {algorithm} key has {bits} bits, and {shortest} are the least"));
    }
    if BROKEN_HASHES.iter().any(|hash| named.contains(hash)) {
        problems.push(format!("it is signed with {signature}"));
    }
    if problems.is_empty() {
        return None;
    }
    let severity = look::certificate_severity(evidence.policy, Severity::Warning);
    let text = format!("This is what is weak: {}.", problems.join("; "));
    Some(Match::new(severity, Proof::Proven, [seen.id()]).detailed(text))
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::PublicKey;

    use super::CAUSE;
    use crate::testing::{Scene, certificate};

    fn weakness(algorithm: &str, bits: Option<u32>, signature: &str) -> Option<String> {
        let mut made = certificate();
        made.public_key = PublicKey { algorithm: algorithm.to_owned(), bits };
        made.signature_algorithm = signature.to_owned();
        Scene::negotiated(2).certified(made, &[18]).judge(&CAUSE).and_then(|m| m.detail)
    }

    #[test]
    fn short_keys_and_broken_hashes() {
        let sha256 = "sha256WithRSAEncryption";
        assert!(weakness("RSA", Some(1024), sha256).is_some_and(|d| d.contains("1024 bits")));
        assert!(weakness("RSA", Some(2048), "sha1WithRSAEncryption").is_some());
        assert!(weakness("EC", Some(192), "ecdsa-with-SHA256").is_some());
        assert!(weakness("EC", Some(256), "ecdsa-with-SHA1").is_some());
        assert!(weakness("DSA", None, "dsa-with-sha256").is_some());
        let both = weakness("RSA", Some(1024), "md5WithRSAEncryption").expect("weak");
        assert!(both.contains("1024 bits") && both.contains("md5"), "{both}");
    }

    #[test]
    fn near_miss_what_is_still_good() {
        assert_eq!(weakness("RSA", Some(2048), "sha256WithRSAEncryption"), None);
        assert_eq!(weakness("EC", Some(256), "ecdsa-with-SHA384"), None);
        assert_eq!(weakness("Ed25519", Some(256), "1.3.101.112"), None);
        // A size that could not be read says nothing.
        assert_eq!(weakness("RSA", None, "sha256WithRSAEncryption"), None);
    }
}
