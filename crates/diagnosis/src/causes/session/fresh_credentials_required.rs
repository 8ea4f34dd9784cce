//! The host wants the password anew.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::said;
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `session.fresh-credentials-required`
pub static CAUSE: Cause = Cause {
    id: CauseId("session.fresh-credentials-required"),
    stage: Stage::Session,
    owner: Owner::User,
    title: "{host} wants the password anew",
    explanation: "A policy of the host does not take a saved password, or the ticket is too old: the user has to type it.",
    excludes: &["name, route, firewall, encryption: all passed"],
    remedies: &[Remedy {
        id: "type-the-password",
        place: Where::Client,
        risk: Risk::Low,
        title: "Type the password instead of using the saved one",
        steps: &[
            "PS> cmdkey /list   (on the client)",
            "PS> cmdkey /delete:TERMSRV/{host}   (on the client; then connect and type it)",
        ],
        interrupts: "nothing",
        undo: &["the client offers to save the password again at the next connection"],
        verify: "rdpdoctor check {target} -u <user> --logon gets past 'session'",
    }],
    references: &["MS-RDPBCGR 2.2.5.1.1"],
    client_shows: &[],
    more_specific_than: &[CauseId("session.closed")],
    reproduction: Reproduction::Lab(&["session-fresh-credentials-required"]),
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
    fn its_error_and_no_other() {
        let said = |code| Scene::negotiated(2).error_info(code).judge(&CAUSE);
        let found = said(0xA).expect("its error");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert_eq!(said(0x9), None);
        assert_eq!(said(0), None);
        // What comes once the client has left is no fault.
        assert_eq!(Scene::negotiated(2).left().error_info(0xA).judge(&CAUSE), None);
    }
}
