//! The host ends the session with an error.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::said;
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `session.error`
pub static CAUSE: Cause = Cause {
    id: CauseId("session.error"),
    stage: Stage::Session,
    owner: Owner::Host,
    title: "{host} ends the session with an error",
    explanation: "The server gave an error number for which no cause of its own is known here. The number and its name are kept.",
    excludes: &["name, route, firewall, encryption, password: all passed"],
    remedies: &[Remedy {
        id: "see-what-the-host-logged",
        place: Where::Host,
        risk: Risk::Low,
        title: "See what the host logged at that moment, and what the number means",
        steps: &[
            "$ rdpdoctor explain <number>",
            "PS> Get-WinEvent -LogName 'Microsoft-Windows-TerminalServices-LocalSessionManager/Operational' -MaxEvents 20",
        ],
        interrupts: "nothing",
        undo: &["nothing to undo: nothing was changed"],
        verify: "rdpdoctor check {target} -u <user> --logon gets past 'session'",
    }],
    references: &["MS-RDPBCGR 2.2.5.1.1"],
    client_shows: &[],
    more_specific_than: &[CauseId("session.closed")],
    reproduction: Reproduction::Lab(&["session-unknown-error"]),
    next_tests: &[],
    rule,
};

/// The last resort for errors of a session.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    said::by_number(evidence, CAUSE.id)
        .or_else(|| said::otherwise(evidence, Stage::Session, CAUSE.id))
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn an_error_that_nobody_else_takes() {
        let said = |code| Scene::negotiated(2).error_info(code).judge(&CAUSE);
        assert!(said(0xABCD).and_then(|m| m.detail).is_some_and(|d| d.contains("0xABCD")));
        assert_eq!(said(0x7), None);
        assert_eq!(said(0), None);
    }
}
