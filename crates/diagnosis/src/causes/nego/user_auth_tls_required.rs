//! Negotiation failure 6 (MS-RDPBCGR 2.2.1.2.2).

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::{advice, look};
use crate::{Cause, Evidence, Match, Owner, Reproduction};

/// `nego.user-auth-tls-required`
pub static CAUSE: Cause = Cause {
    id: CauseId("nego.user-auth-tls-required"),
    stage: Stage::X224,
    owner: Owner::Host,
    title: "{host} demands a client certificate",
    explanation: "The server takes TLS only with a certificate of the user or the client machine, which ordinary clients do not send.",
    excludes: &["the network: the server answered", "password, account, licence: none was reached"],
    remedies: &[advice::LOOK_AT_LISTENER],
    references: &["MS-RDPBCGR 2.2.1.2.2"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["nego-user-auth-tls"]),
    next_tests: &[advice::ON_THE_HOST],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    look::negotiation_failure(evidence, 6)
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
        assert!(refused(6).is_some());
        assert_eq!(refused(6 + 1), None);
    }
}
