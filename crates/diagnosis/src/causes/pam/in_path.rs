//! The connection ends at a bastion, which makes another one to the host.

use rdpdoctor_model::{CauseId, Fact, Source, Stage};

use crate::bastions::bastion;
use crate::{
    Cause, Evidence, Match, NextTest, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
};

/// `pam.in-path`
pub static CAUSE: Cause = Cause {
    id: CauseId("pam.in-path"),
    stage: Stage::Tls,
    owner: Owner::Pam,
    title: "A bastion ends the connection to {host} and makes its own",
    explanation: "A privileged access product stands in the path: what answers is the product, not the host. All that is said here of encryption, certificate, sign-in and licence is the product's. Behind it is a second connection, which cannot be seen from here.",
    excludes: &[],
    remedies: &[Remedy {
        id: "look-behind-the-bastion",
        place: Where::Pam,
        risk: Risk::Low,
        title: "Check both halves: up to the bastion from here, behind it from the bastion's network",
        steps: &[
            "From a machine in the bastion's own network: $ rdpdoctor check <the host itself>",
            "Ask whoever runs the product for the log of the connection to the host at the times of this check.",
        ],
        interrupts: "nothing",
        undo: &["nothing to undo: nothing was changed"],
        verify: "both halves pass",
    }],
    references: &["MS-RDPBCGR 5.4.5"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::None(
        "needs a product's own certificate; the rule's tests build it",
    ),
    next_tests: &[NextTest {
        why: "from the bastion's own network: tells the product from the host behind it",
        command: "rdpdoctor check <the host itself>",
    }],
    rule,
};

/// By the product's own certificate, or by a user name that names the host behind a bastion.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    by_certificate(evidence).or_else(|| by_user_name(evidence))
}

fn by_certificate(evidence: &Evidence<'_>) -> Option<Match> {
    let seen = evidence
        .main_path(|fact| match fact {
            Fact::ServerCertificates { certificates } => certificates.first(),
            _ => None,
        })
        .pop()?;
    let product = bastion(&seen.value.subject).or_else(|| bastion(&seen.value.issuer))?;
    Some(
        Match::new(Severity::Info, Proof::Likely, [seen.id()])
            .titled(format!("{product} ends the connection and makes its own to the host"))
            .detailed(format!(
                "The certificate is of {}, issued by {}.",
                seen.value.subject, seen.value.issuer
            )),
    )
}

/// `user@target@bastion`, `user#target`: the forms that bastions take.
fn by_user_name(evidence: &Evidence<'_>) -> Option<Match> {
    let seen = evidence
        .all(|fact| matches!(fact, Fact::RdpFileUser { names_target: true, .. }).then_some(()))
        .pop()?;
    let from_file = seen.observation.source == Source::RdpFile;
    from_file.then(|| {
        Match::new(Severity::Info, Proof::Possible, [seen.id()])
            .at_stage(Stage::RdpFile)
            .detailed("The file's user name names another target, as bastions want it.".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, Stage};

    use super::CAUSE;
    use crate::testing::{Scene, certificate};
    use crate::{Proof, Severity};

    fn shown(subject: &str, issuer: &str) -> Option<(Severity, Proof)> {
        let mut shown = certificate();
        shown.subject = subject.to_owned();
        shown.issuer = issuer.to_owned();
        let fact = Fact::ServerCertificates { certificates: vec![shown] };
        let found = Scene::negotiated(1).fact(Stage::Tls, fact).judge(&CAUSE);
        found.map(|found| (found.severity, found.proof))
    }

    #[test]
    fn a_products_certificate_is_a_hop_and_no_fault() {
        let hop = Some((Severity::Info, Proof::Likely));
        assert_eq!(shown("CN=bastion, O=WALLIX", "CN=bastion, O=WALLIX"), hop);
        assert_eq!(shown("CN=psm01", "CN=CyberArk Issuing CA"), hop);
        assert_eq!(shown("CN=pc42.corp.example", "CN=Corp CA"), None);
    }
}
