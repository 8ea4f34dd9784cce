//! Negotiation failure 4 (MS-RDPBCGR 2.2.1.2.2).

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::{advice, look};
use crate::{Cause, Evidence, Match, Owner, Reproduction};

/// `nego.inconsistent-flags`
pub static CAUSE: Cause = Cause {
    id: CauseId("nego.inconsistent-flags"),
    stage: Stage::X224,
    owner: Owner::Network,
    title: "{host} says that the security offered contradicts the one in use",
    explanation: "The server found the offer inconsistent with the security already in force. This happens only when something in between speaks TLS to the server before the Remote Desktop negotiation.",
    excludes: &["the network: the server answered", "password, account, licence: none was reached"],
    remedies: &[advice::ASK_NETWORK_TEAM],
    references: &["MS-RDPBCGR 2.2.1.2.2"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["nego-inconsistent-flags"]),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    look::negotiation_failure(evidence, 4)
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
        assert!(refused(4).is_some());
        assert_eq!(refused(4 + 1), None);
    }
}
