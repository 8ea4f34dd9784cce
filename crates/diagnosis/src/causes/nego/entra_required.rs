//! Negotiation failure 7 (MS-RDPBCGR 2.2.1.2.2).

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::look;
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `nego.entra-required`
pub static CAUSE: Cause = Cause {
    id: CauseId("nego.entra-required"),
    stage: Stage::X224,
    owner: Owner::User,
    title: "{host} demands sign-in with Microsoft Entra ID",
    explanation: "The server takes only sign-in with a Microsoft Entra account. A client has to be told to use it.",
    excludes: &["the network: the server answered", "password, account, licence: none was reached"],
    remedies: &[Remedy {
        id: "use-a-web-account",
        place: Where::Client,
        risk: Risk::Low,
        title: "Sign in with a web account",
        steps: &[
            "mstsc, Advanced, User authentication: use a web account to sign in to the remote computer; or in the .rdp file: enablerdsaadauth:i:1",
            "Use the host's name, not its address.",
        ],
        interrupts: "nothing",
        undo: &["Take the line out of the .rdp file."],
        verify: "the sign-in page of Microsoft Entra appears",
    }],
    references: &["MS-RDPBCGR 2.2.1.2.2"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["nego-entra-required"]),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    look::negotiation_failure(evidence, 7)
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
        assert!(refused(7).is_some());
        assert_eq!(refused(7 + 1), None);
    }
}
