//! Negotiation failure 1 (MS-RDPBCGR 2.2.1.2.2).

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::{advice, look};
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `nego.tls-required`
pub static CAUSE: Cause = Cause {
    id: CauseId("nego.tls-required"),
    stage: Stage::X224,
    owner: Owner::Client,
    title: "{host} demands TLS and refuses what was offered",
    explanation: "The server asks for encryption by TLS. When sign-in with NLA was offered too, it means that the server can do TLS only.",
    excludes: &["the network: the server answered", "password, account, licence: none was reached"],
    remedies: &[
        Remedy {
            id: "use-a-client-that-can",
            place: Where::Client,
            risk: Risk::Low,
            title: "Use a current client and let it offer sign-in before the session",
            steps: &[
                "In the .rdp file: enablecredsspsupport:i:1, and no 'negotiate security layer:i:0'.",
                "Update the client: mstsc of Windows 10 or 11, the Windows App, or FreeRDP without /sec:tls and /sec:rdp.",
            ],
            interrupts: "nothing",
            undo: &["Restore the .rdp file's former lines."],
            verify: "rdpdoctor check {target} gets past 'RDP answer'",
        },
        advice::LOOK_AT_LISTENER,
    ],
    references: &["MS-RDPBCGR 2.2.1.2.2"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["nego-tls-required"]),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    look::negotiation_failure(evidence, 1)
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
        assert!(refused(1).is_some());
        assert_eq!(refused(1 + 1), None);
    }
}
