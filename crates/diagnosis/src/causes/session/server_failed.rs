//! A part of the session's server program failed.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::said;
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `session.server-failed`
pub static CAUSE: Cause = Cause {
    id: CauseId("session.server-failed"),
    stage: Stage::Session,
    owner: Owner::Host,
    title: "A part of the session's server program failed",
    explanation: "The driver, the window manager, Winlogon or the graphics of the session failed on the host. Updates of display drivers, too little memory or damaged system files do this.",
    excludes: &["name, route, firewall, encryption: all passed"],
    remedies: &[Remedy {
        id: "see-what-failed",
        place: Where::Host,
        risk: Risk::Medium,
        title: "See what failed, and mend it",
        steps: &[
            "PS> Get-WinEvent -FilterHashtable @{LogName='Application'; Id=1000,1001} -MaxEvents 10 | Format-List TimeCreated, Message",
            "PS> Get-WinEvent -FilterHashtable @{LogName='System'; Level=1,2} -MaxEvents 20",
            "PS> sfc /scannow",
            "A driver or update of the last days: take it back, or bring the newer one.",
        ],
        interrupts: "sfc: nothing",
        undo: &["nothing to undo: nothing was changed"],
        verify: "rdpdoctor check {target} -u <user> --logon gets past 'session'",
    }],
    references: &["MS-RDPBCGR 2.2.5.1.1"],
    client_shows: &[],
    more_specific_than: &[CauseId("session.closed")],
    reproduction: Reproduction::Lab(&["session-server-failed"]),
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
        let found = said(0x10).expect("its error");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert_eq!(said(0x19), None);
        assert_eq!(said(0), None);
        // What comes once the client has left is no fault.
        assert_eq!(Scene::negotiated(2).left().error_info(0x10).judge(&CAUSE), None);
    }
}
