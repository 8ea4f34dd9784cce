//! The broker could not send the connection on.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::said;
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `session.broker-redirect-failed`
pub static CAUSE: Cause = Cause {
    id: CauseId("session.broker-redirect-failed"),
    stage: Stage::Session,
    owner: Owner::Host,
    title: "The broker could not send the connection on",
    explanation: "The connection broker or the virtual desktop service found no host, could not wake it, or the host did not answer. The number says which.",
    excludes: &["name, route, firewall, encryption: all passed"],
    remedies: &[Remedy {
        id: "look-at-the-broker",
        place: Where::Host,
        risk: Risk::Low,
        title: "Look at the broker and its hosts",
        steps: &[
            "PS> Get-WinEvent -LogName 'Microsoft-Windows-TerminalServices-SessionBroker/Operational' -MaxEvents 20   (on the broker)",
            "PS> Get-RDSessionHost -CollectionName <collection> -ConnectionBroker <broker>   (NewConnectionAllowed)",
            "PS> Get-RDUserSession -ConnectionBroker <broker>",
        ],
        interrupts: "nothing",
        undo: &["nothing to undo: nothing was changed"],
        verify: "rdpdoctor check {target} -u <user> --logon gets past 'session'",
    }],
    references: &["MS-RDPBCGR 2.2.5.1.1"],
    client_shows: &[],
    more_specific_than: &[CauseId("session.closed")],
    reproduction: Reproduction::Lab(&["session-broker-redirect-failed"]),
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
        let found = said(0x400).expect("its error");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert_eq!(said(0x7), None);
        assert_eq!(said(0), None);
        // What comes once the client has left is no fault.
        assert_eq!(Scene::negotiated(2).left().error_info(0x400).judge(&CAUSE), None);
    }
}
