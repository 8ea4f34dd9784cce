//! Negotiation failure 3 (MS-RDPBCGR 2.2.1.2.2).

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::{advice, look};
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction};

/// `nego.server-certificate-missing`
pub static CAUSE: Cause = Cause {
    id: CauseId("nego.server-certificate-missing"),
    stage: Stage::X224,
    owner: Owner::Host,
    title: "{host} has no certificate for Remote Desktop that it can use",
    explanation: "The server says that it has no valid certificate for TLS. Windows makes a self-signed one by itself, so something keeps it from doing so: the key cannot be written, or a certificate that was bound by policy is gone.",
    excludes: &["the network: the server answered", "password, account, licence: none was reached"],
    remedies: &[advice::RENEW_CERTIFICATE],
    references: &["MS-RDPBCGR 2.2.1.2.2"],
    client_shows: &[ClientCode { code: 0x904, extended: Some(7), proof: Proof::Possible }],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["nego-certificate-missing"]),
    next_tests: &[advice::ON_THE_HOST],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    look::negotiation_failure(evidence, 3)
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::Negotiation;

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn its_code_and_no_other() {
        let refused = |code| {
            let scene = Scene::new().connected("10.0.0.1:3389");
            scene.confirm(Negotiation::Failure { code }).judge(&CAUSE)
        };
        assert!(refused(3).is_some());
        assert_eq!(refused(3 + 1), None);
    }
}
