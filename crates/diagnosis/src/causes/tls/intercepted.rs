//! Something on the way opens the encrypted connection to the server.

use rdpdoctor_model::{CauseId, Certificate, Fact, Purpose, Stage};

use crate::causes::{advice, look};
use crate::inspectors;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `tls.intercepted`
pub static CAUSE: Cause = Cause {
    id: CauseId("tls.intercepted"),
    stage: Stage::Tls,
    owner: Owner::Network,
    title: "Something on the way opens the encrypted connection to {host}",
    explanation: "The certificate is signed by a device or program that inspects traffic, not by the host or its CA. Sign-in with NLA is bound to the real server's key and fails behind such a device, and a password sent without NLA can be read there.",
    excludes: &["password, account, licence"],
    remedies: &[Remedy {
        id: "take-rdp-out-of-inspection",
        place: Where::Network,
        risk: Risk::Low,
        title: "Exempt Remote Desktop from TLS inspection",
        steps: &[
            "Ask whoever runs the named product to leave TCP {port} to {host} uninspected.",
            "Until then do not send a password over this path.",
        ],
        interrupts: "nothing",
        undo: &["Take the exemption out again."],
        verify: "rdpdoctor check {target} shows the host's own certificate",
    }],
    references: &["RFC 8446 E.1", "MS-CSSP 3.1.5"],
    client_shows: &[],
    more_specific_than: &[
        CauseId("tls.certificate-untrusted"),
        CauseId("tls.certificate-name-mismatch"),
    ],
    reproduction: Reproduction::Lab(&["cert-intercepted"]),
    next_tests: &[advice::FROM_ELSEWHERE],
    rule,
};

/// A known inspector's name makes it likely, a certificate that differs from path to path possible.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    named(evidence).or_else(|| differing(evidence))
}

/// The chain is signed by a CA that is known to sign for inspection. The subject of the server's own
/// certificate does not count: a maker of such devices has servers too.
fn named(evidence: &Evidence<'_>) -> Option<Match> {
    let seen = evidence.main_path(sent).pop()?;
    let (own, above) = seen.value.split_first()?;
    let by_leaf = if own.self_issued {
        inspectors::self_issued_inspector(&own.issuer)
    } else {
        inspectors::inspector(&own.issuer)
    };
    let by_issuers = || {
        above.iter().flat_map(|ca| [&ca.subject, &ca.issuer]).find_map(|n| inspectors::inspector(n))
    };
    let inspector = by_leaf.or_else(by_issuers)?;
    let severity = look::certificate_severity(evidence.policy, Severity::Warning);
    Some(
        Match::new(severity, Proof::Likely, [seen.id()])
            .titled(format!("{} opens the encrypted connection on the way", inspector.product))
            .detailed(format!("The issuer is {}.", own.issuer)),
    )
}

/// The same name shows one certificate on the main path and another, of another issuer, on a second
/// one. Hosts behind one name that each made their own certificate differ too, and that is no sign;
/// so at least one has to be issued by somebody else.
fn differing(evidence: &Evidence<'_>) -> Option<Match> {
    let main = evidence.main_path(sent).pop()?;
    let own = main.value.first()?;
    let others = [Purpose::OtherAddress, Purpose::PlainClientHello, Purpose::SecurityLayer];
    let (other, shown) = others
        .into_iter()
        .flat_map(|purpose| evidence.on(purpose, sent))
        .filter_map(|seen| {
            let shown = seen.value.first()?;
            Some((seen, shown))
        })
        .find(|(_, shown)| {
            shown.sha256 != own.sha256
                && shown.issuer != own.issuer
                && !(shown.self_issued && own.self_issued)
        })?;
    let severity = look::certificate_severity(evidence.policy, Severity::Warning);
    let host = evidence.target.map_or("the host", |target| target.host.as_str());
    Some(
        Match::new(severity, Proof::Possible, [main.id(), other.id()])
            .titled(format!("{host} shows different certificates on different paths"))
            .detailed(format!(
                "One is issued by {}, the other by {}. Two hosts behind one name explain it as well.",
                own.issuer, shown.issuer
            )),
    )
}

fn sent(fact: &Fact) -> Option<&[Certificate]> {
    match fact {
        Fact::ServerCertificates { certificates } => Some(certificates),
        _ => None,
    }
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{Certificate, Fact, Purpose, Stage};

    use super::CAUSE;
    use crate::testing::{Scene, certificate};
    use crate::{Proof, Severity};

    fn issued_by(issuer: &str) -> Certificate {
        let mut shown = certificate();
        shown.issuer = issuer.to_owned();
        shown.self_issued = shown.subject == shown.issuer;
        shown.sha256 = format!("{:0>64}", issuer.len());
        shown
    }

    #[test]
    fn issuers_and_hosts_of_the_same_name() {
        let judged = |shown: Certificate| Scene::negotiated(2).certified(shown, &[20]);
        let zscaler = || issued_by("CN=Zscaler Intermediate Root CA (zscaler.net)");
        let found = judged(zscaler()).judge(&CAUSE).expect("a known inspector");
        assert_eq!((found.severity, found.proof), (Severity::Warning, Proof::Likely));
        let strict = judged(zscaler()).strict().judge(&CAUSE);
        assert_eq!(strict.map(|m| m.severity), Some(Severity::Blocking));

        let mut named_alike = issued_by("CN=fortinet-pc");
        named_alike.subject = "CN=fortinet-pc".to_owned();
        named_alike.self_issued = true;
        assert_eq!(judged(named_alike).judge(&CAUSE), None);
        let mut makers_own = issued_by("CN=Example Public CA");
        makers_own.subject = "O=Fortinet, CN=rdp.example".to_owned();
        assert_eq!(judged(makers_own).judge(&CAUSE), None);
        assert_eq!(judged(issued_by("CN=Example Issuing CA")).judge(&CAUSE), None);
    }

    #[test]
    fn the_chain_above_counts_too() {
        let chain = |top: &str| {
            let mut ca = issued_by(top);
            ca.subject = "CN=Example Inspection SubCA".to_owned();
            let certificates = vec![issued_by("CN=Example Inspection SubCA"), ca];
            Scene::negotiated(2)
                .fact(Stage::Tls, Fact::ServerCertificates { certificates })
                .judge(&CAUSE)
        };
        assert!(chain("O=Netskope Inc, CN=certadmin").is_some());
        assert_eq!(chain("O=Example, CN=Example Root"), None);
    }

    #[test]
    fn two_paths_with_two_issuers() {
        let two = |first: Certificate, purpose, second: Certificate| {
            Scene::negotiated(2)
                .certified(first, &[20])
                .connection(purpose)
                .certified(second, &[20])
                .judge(&CAUSE)
                .map(|m| m.proof)
        };
        let (inside, outside) = (|| issued_by("CN=Example CA"), || issued_by("CN=Edge"));
        assert_eq!(two(inside(), Purpose::OtherAddress, outside()), Some(Proof::Possible));
        assert_eq!(two(inside(), Purpose::OtherAddress, inside()), None);
        // Two hosts of a farm, each with what it made for itself.
        let own = |name: &str| {
            let mut made = issued_by(name);
            made.self_issued = true;
            made
        };
        assert_eq!(two(own("CN=PC42"), Purpose::OtherAddress, own("CN=PC043")), None);
        // A connection to somewhere else says nothing of this one.
        assert_eq!(two(inside(), Purpose::Revocation, outside()), None);
    }
}
