//! The account has to sign in with a smart card.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::said;
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `nla.smartcard-required`
pub static CAUSE: Cause = Cause {
    id: CauseId("nla.smartcard-required"),
    stage: Stage::CredSsp,
    owner: Owner::User,
    title: "The account has to sign in with a smart card",
    explanation: "The account, or a policy of the host, takes no password. A check with a password cannot go further.",
    excludes: &["name, route, firewall, encryption: all passed"],
    remedies: &[Remedy {
        id: "use-the-smart-card",
        place: Where::Client,
        risk: Risk::Low,
        title: "Sign in with the smart card, from a client that has the reader",
        steps: &[
            "$ mstsc /v:{target}   (choose the smart card under More choices)",
            "PS> Get-ADUser <user> -Properties SmartcardLogonRequired",
            "A user who has no card yet: an administrator decides, for this account alone.",
        ],
        interrupts: "nothing",
        undo: &["nothing to undo: nothing was changed"],
        verify: "rdpdoctor check {target} -u <user> gets past 'sign-in'",
    }],
    references: &["MS-CSSP 2.2.1", "MS-ERREF 2.3.1"],
    client_shows: &[],
    more_specific_than: &[CauseId("nla.refused")],
    reproduction: Reproduction::Lab(&["nla-smartcard-required"]),
    next_tests: &[],
    rule,
};

/// What the server says by number decides.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    said::by_number(evidence, CAUSE.id)
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    #[test]
    fn its_status_and_no_other() {
        let said = |code| Scene::negotiated(2).ts_request(6, Some(code)).judge(&CAUSE);
        let found = said(0x8009_033E).expect("its status");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert_eq!(said(0xC000_006E), None);
        assert_eq!(said(0), None);
    }
}
