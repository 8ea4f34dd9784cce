//! Another connection has taken the session over.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::said;
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `session.replaced`
pub static CAUSE: Cause = Cause {
    id: CauseId("session.replaced"),
    stage: Stage::Session,
    owner: Owner::User,
    title: "Another connection has taken the session over",
    explanation: "Somebody connected to the same session, from another place or by another program, and the server cut this one. One session of one user has one client at a time.",
    excludes: &["name, route, firewall, encryption: all passed"],
    remedies: &[Remedy {
        id: "see-who-connected",
        place: Where::Host,
        risk: Risk::Low,
        title: "See who connected, and from where",
        steps: &[
            "PS> Get-WinEvent -FilterHashtable @{LogName='Microsoft-Windows-TerminalServices-LocalSessionManager/Operational'; Id=25,40} -MaxEvents 10 | Format-List TimeCreated, Message",
            "PS> query session",
            "If nobody did: a second client with automatic reconnection fights for the session; close it.",
        ],
        interrupts: "nothing",
        undo: &["nothing to undo: nothing was changed"],
        verify: "rdpdoctor check {target} -u <user> --logon gets past 'session'",
    }],
    references: &["MS-RDPBCGR 2.2.5.1.1"],
    client_shows: &[],
    more_specific_than: &[CauseId("session.closed")],
    reproduction: Reproduction::Lab(&["session-replaced"]),
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
        let found = said(0x5).expect("its error");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert_eq!(said(0x1), None);
        assert_eq!(said(0), None);
        // What comes once the client has left is no fault.
        assert_eq!(Scene::negotiated(2).left().error_info(0x5).judge(&CAUSE), None);
    }
}
