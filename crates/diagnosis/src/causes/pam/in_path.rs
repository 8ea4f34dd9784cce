//! The connection ends at a bastion, which makes another one to the host.

use rdpdoctor_model::{CauseId, Stage};

use crate::bastions::known;
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

/// By the administrator's list, by a product's own certificate, or by a user name that names the host
/// behind a bastion.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let known = known(evidence)?;
    let found = Match::new(Severity::Info, known.proof, known.ids).detailed(known.by);
    // A user name alone says nothing of who answers.
    Some(match known.proof {
        Proof::Possible => found.at_stage(Stage::RdpFile),
        _ => found
            .titled(format!("{} ends the connection and makes its own to the host", known.name)),
    })
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{BastionMark, Fact, Stage};

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

    #[test]
    fn one_of_the_administrators_list_is_called_as_it_is_there() {
        let listed = |by: &[BastionMark]| {
            let fact = Fact::ListedBastion { label: "Jump 1".to_owned(), by: by.to_vec() };
            let found = Scene::negotiated(1).fact(Stage::Client, fact).judge(&CAUSE);
            found.map(|found| (found.severity, found.proof, found.title.unwrap_or_default()))
        };
        let title = "Jump 1 ends the connection and makes its own to the host";
        let hop = |proof| Some((Severity::Info, proof, title.to_owned()));
        assert_eq!(listed(&[BastionMark::Fingerprint]), hop(Proof::Proven));
        assert_eq!(listed(&[BastionMark::Target]), hop(Proof::Likely));
        assert_eq!(listed(&[BastionMark::Name, BastionMark::Issuer]), hop(Proof::Likely));
    }
}
