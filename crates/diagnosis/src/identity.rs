use crate::causes::{dns, look, tls};
use crate::{Evidence, Severity};

/// What is known of who a server is, before anybody gives it a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "four independent answers")]
pub struct Identity<'a> {
    /// SHA-256 of its certificate, in hexadecimal.
    pub fingerprint: Option<&'a str>,
    /// Whether its certificate leads to a trusted root, is valid, meant for servers, not revoked as
    /// far as was asked, and bears the target's name.
    pub trusted: bool,
    /// Whether something seems to open the encryption on the way.
    pub intercepted: bool,
    /// Whether it seems to be another machine than the one that was meant.
    pub other_machine: bool,
}

/// Judges the identity of the server on the main path.
pub fn identity<'a>(evidence: &Evidence<'a>) -> Identity<'a> {
    let certificate = evidence.server_certificate();
    let faults = [
        &tls::certificate_untrusted::CAUSE,
        &tls::certificate_expired::CAUSE,
        &tls::certificate_not_yet_valid::CAUSE,
        &tls::certificate_name_mismatch::CAUSE,
        &tls::certificate_wrong_usage::CAUSE,
        &tls::certificate_weak::CAUSE,
        &tls::certificate_revoked::CAUSE,
    ];
    let faultless = faults.iter().all(|cause| (cause.rule)(evidence).is_none());
    let chained =
        look::chain(evidence).is_some_and(|seen| seen.value.1 > 0 && seen.value.0.is_empty());
    let misnamed = (tls::certificate_name_mismatch::CAUSE.rule)(evidence)
        .is_some_and(|found| found.severity != Severity::Info);
    Identity {
        fingerprint: certificate.as_ref().map(|seen| seen.value.sha256.as_str()),
        trusted: certificate.is_some() && chained && faultless,
        intercepted: (tls::intercepted::CAUSE.rule)(evidence).is_some(),
        other_machine: misnamed || (dns::stale_address::CAUSE.rule)(evidence).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Scene, certificate};

    fn of(scene: &Scene) -> (bool, bool, bool) {
        scene.with_evidence(|evidence| {
            let identity = identity(evidence);
            assert!(identity.fingerprint.is_some());
            (identity.trusted, identity.intercepted, identity.other_machine)
        })
    }

    #[test]
    fn who_is_believed() {
        let issued = |name: &str, issuer: &str| {
            let mut made = certificate();
            made.self_issued = false;
            made.issuer = issuer.to_owned();
            made.dns_names = vec![name.to_owned()];
            made
        };
        let seen = |made, errors: &[i32]| of(&Scene::negotiated(2).certified(made, errors));
        let name = "pc42.corp.example";
        assert_eq!(seen(issued(name, "CN=Example CA"), &[]), (true, false, false));
        // Expired, from an unknown CA, of another name, by an inspector, self-signed.
        assert!(!seen(issued(name, "CN=Example CA"), &[10]).0);
        assert!(!seen(issued(name, "CN=Example CA"), &[20]).0);
        assert_eq!(seen(issued("pc07.corp.example", "CN=Example CA"), &[]), (false, false, true));
        assert!(seen(issued(name, "CN=Zscaler Root CA"), &[]).1);
        assert_eq!(seen(certificate(), &[18]), (false, false, false));
    }
}
