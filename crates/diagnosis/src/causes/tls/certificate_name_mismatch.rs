//! The certificate of the server is made out to another name.

use rdpdoctor_model::{CauseId, Certificate, Stage, Target};

use crate::causes::{advice, look};
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `tls.certificate-name-mismatch`
pub static CAUSE: Cause = Cause {
    id: CauseId("tls.certificate-name-mismatch"),
    stage: Stage::Tls,
    owner: Owner::User,
    title: "The certificate of {host} is made out to another name",
    explanation: "The name that was asked for does not stand in the certificate. With a self-signed certificate, or an address instead of a name, every Windows host is like that; with a CA's certificate a client asks.",
    excludes: &["password, account, licence"],
    remedies: &[Remedy {
        id: "use-the-right-name",
        place: Where::Client,
        risk: Risk::Low,
        title: "Connect by a name that stands in the certificate",
        steps: &[
            "$ rdpdoctor check {target} --details   (shows the names in the certificate)",
            "Use one of them, or have a certificate made out to {host}.",
        ],
        interrupts: "nothing",
        undo: advice::NOTHING_TO_UNDO,
        verify: "the finding is gone",
    }],
    references: &["RFC 6125 6.4"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["cert-name-mismatch"]),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let seen = evidence.server_certificate()?;
    let target = evidence.target?;
    if names_match(seen.value, target) {
        return None;
    }
    let asks = look::trusted(evidence) && !target.is_address();
    let otherwise = if asks { Severity::Warning } else { Severity::Info };
    let names = if seen.value.dns_names.is_empty() {
        seen.value.subject_common_name.clone().unwrap_or_else(|| "nobody".to_owned())
    } else {
        seen.value.dns_names.join(", ")
    };
    let severity = look::certificate_severity(evidence.policy, otherwise);
    Some(
        Match::new(severity, Proof::Proven, [seen.id()])
            .detailed(format!("It is made out to {names}.")),
    )
}

/// RFC 6125 6.4: the alternative names; the common name only where there are none.
fn names_match(certificate: &Certificate, target: &Target) -> bool {
    if let Some(address) = target.address() {
        return certificate.ip_addresses.contains(&address);
    }
    let host = target.host.trim_end_matches('.').to_lowercase();
    let common = certificate.subject_common_name.iter();
    let names: Vec<&String> = if certificate.dns_names.is_empty() {
        common.collect()
    } else {
        certificate.dns_names.iter().collect()
    };
    names.iter().any(|pattern| {
        let pattern = pattern.trim_end_matches('.').to_lowercase();
        match pattern.strip_prefix("*.") {
            Some(domain) => host.split_once('.').is_some_and(|(_, rest)| rest == domain),
            None => host == pattern,
        }
    })
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::Severity;
    use crate::testing::{Scene, certificate};

    #[test]
    fn a_trusted_certificate_must_bear_the_name() {
        let judged = |names: &[&str], errors: &[i32]| {
            let mut other = certificate();
            other.self_issued = !errors.is_empty();
            other.dns_names = names.iter().map(ToString::to_string).collect();
            Scene::negotiated(2).certified(other, errors).judge(&CAUSE).map(|m| m.severity)
        };
        assert_eq!(judged(&["pc07.corp.example"], &[]), Some(Severity::Warning));
        assert_eq!(judged(&["pc07.corp.example"], &[18]), Some(Severity::Info));
        assert_eq!(judged(&["PC42.corp.example"], &[]), None);
        assert_eq!(judged(&["*.corp.example"], &[]), None);
        assert_eq!(judged(&["*.example"], &[]), Some(Severity::Warning));
    }
}
