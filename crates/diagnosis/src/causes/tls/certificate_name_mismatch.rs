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
    // Self-signed, it vouches for no name anyway, even where somebody imported it.
    let asks = look::trusted(evidence) && !seen.value.self_issued && !target.is_address();
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

    use rdpdoctor_model::Certificate;

    use super::CAUSE;
    use crate::Severity;
    use crate::testing::{Scene, certificate};

    fn made_out_to(names: &[&str]) -> Certificate {
        let mut made = certificate();
        made.self_issued = false;
        made.dns_names = names.iter().map(ToString::to_string).collect();
        made
    }

    fn judged(names: &[&str], errors: &[i32]) -> Option<Severity> {
        let scene = Scene::negotiated(2).certified(made_out_to(names), errors);
        scene.judge(&CAUSE).map(|m| m.severity)
    }

    #[test]
    fn a_trusted_certificate_must_bear_the_name() {
        assert_eq!(judged(&["pc07.corp.example"], &[]), Some(Severity::Warning));
        assert_eq!(judged(&["PC42.corp.example"], &[]), None);
        assert_eq!(judged(&["*.corp.example"], &[]), None);
        assert_eq!(judged(&["*.example"], &[]), Some(Severity::Warning));
        assert_eq!(judged(&["pc42"], &[]), Some(Severity::Warning));
        // The alternative names count alone; the common name is pc42.corp.example.
        assert_eq!(judged(&[], &[]), None);
        // Expired is another finding, and its CA is trusted all the same.
        assert_eq!(judged(&["pc07.corp.example"], &[10]), Some(Severity::Warning));
    }

    #[test]
    fn what_every_windows_host_has_is_no_warning() {
        let mut own = made_out_to(&["pc07.corp.example"]);
        own.self_issued = true;
        for errors in [&[18][..], &[]] {
            let scene = Scene::negotiated(2).certified(own.clone(), errors);
            assert_eq!(scene.judge(&CAUSE).map(|m| m.severity), Some(Severity::Info));
        }
        // Nothing vouches for a private CA here, so the name is the smaller matter.
        assert_eq!(judged(&["pc07.corp.example"], &[20]), Some(Severity::Info));
        let strict = Scene::negotiated(2).certified(own, &[18]).strict();
        assert_eq!(strict.judge(&CAUSE).map(|m| m.severity), Some(Severity::Blocking));
    }

    #[test]
    fn an_address_is_looked_up_among_the_addresses() {
        let asked = |certificate| {
            let scene = Scene::negotiated(2).target("10.0.0.1").certified(certificate, &[]);
            scene.judge(&CAUSE).map(|m| m.severity)
        };
        assert_eq!(asked(made_out_to(&["pc42.corp.example"])), Some(Severity::Info));
        let mut with_address = made_out_to(&[]);
        with_address.ip_addresses = vec!["10.0.0.1".parse().expect("an address")];
        assert_eq!(asked(with_address), None);
    }
}
