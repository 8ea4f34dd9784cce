//! The host has not enough memory for another session.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::said;
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `session.out-of-memory`
pub static CAUSE: Cause = Cause {
    id: CauseId("session.out-of-memory"),
    stage: Stage::Session,
    owner: Owner::Host,
    title: "{host} has not enough memory for another session",
    explanation: "The server ended the connection for want of memory: too many sessions, or one program that takes it all.",
    excludes: &["name, route, firewall, encryption: all passed"],
    remedies: &[Remedy {
        id: "see-what-uses-the-memory",
        place: Where::Host,
        risk: Risk::Medium,
        title: "See what uses the memory, and which sessions nobody needs",
        steps: &[
            "PS> Get-Process | Sort-Object WorkingSet64 -Descending | Select-Object -First 15 Name, Id, SI, WorkingSet64",
            "PS> query session",
            "With the consent of its user: PS> logoff <number>",
        ],
        interrupts: "logoff ends the programs of that session, unsaved work is lost",
        undo: &["a session that was logged off cannot be brought back"],
        verify: "rdpdoctor check {target} -u <user> --logon gets past 'session'",
    }],
    references: &["MS-RDPBCGR 2.2.5.1.1"],
    client_shows: &[],
    more_specific_than: &[CauseId("session.closed")],
    reproduction: Reproduction::Lab(&["session-out-of-memory"]),
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
        let found = said(0x6).expect("its error");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert_eq!(said(0x7), None);
        assert_eq!(said(0), None);
        // What comes once the client has left is no fault.
        assert_eq!(Scene::negotiated(2).left().error_info(0x6).judge(&CAUSE), None);
    }
}
