//! The session was idle for too long.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::said;
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `session.idle-timeout`
pub static CAUSE: Cause = Cause {
    id: CauseId("session.idle-timeout"),
    stage: Stage::Session,
    owner: Owner::Host,
    title: "The session was idle for too long",
    explanation: "A limit of the host ends sessions in which nobody moves the mouse or types for a while.",
    excludes: &["name, route, firewall, encryption: all passed"],
    remedies: &[Remedy {
        id: "look-at-the-limits",
        place: Where::Policy,
        risk: Risk::Low,
        title: "Look at the session limits",
        steps: &[
            "PS> Get-ItemProperty 'HKLM:\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\Terminal Services' -Name MaxIdleTime, MaxConnectionTime, MaxDisconnectionTime -ErrorAction SilentlyContinue   (milliseconds)",
            "The policy is Computer Configuration, Remote Desktop Services, Session Time Limits: change it there.",
        ],
        interrupts: "nothing",
        undo: &["set the former limit in the same policy"],
        verify: "rdpdoctor check {target} -u <user> --logon gets past 'session'",
    }],
    references: &["MS-RDPBCGR 2.2.5.1.1"],
    client_shows: &[],
    more_specific_than: &[CauseId("session.closed")],
    reproduction: Reproduction::Lab(&["session-idle-timeout"]),
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
        let found = said(0x3).expect("its error");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert_eq!(said(0x4), None);
        assert_eq!(said(0), None);
        // What comes once the client has left is no fault.
        assert_eq!(Scene::negotiated(2).left().error_info(0x3).judge(&CAUSE), None);
    }
}
