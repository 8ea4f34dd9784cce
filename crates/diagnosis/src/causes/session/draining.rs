//! The host is in drain mode.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::logged;
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `session.draining`
pub static CAUSE: Cause = Cause {
    id: CauseId("session.draining"),
    stage: Stage::Session,
    owner: Owner::Host,
    title: "{host} is in drain mode and takes no new logons",
    explanation: "Somebody set the host to take no new sessions, as before maintenance. Sessions that are open go on, and who has a disconnected one may come back to it; everybody else is turned away after the sign-in.",
    excludes: &["name, route, firewall, encryption, password: all passed"],
    remedies: &[Remedy {
        id: "allow-logons-again",
        place: Where::Host,
        risk: Risk::Low,
        title: "See whether maintenance goes on, and allow logons again",
        steps: &[
            "PS> chglogon /query",
            "Ask who set it, and whether the maintenance is over. Then: PS> chglogon /enable",
            "In a farm: Server Manager, Remote Desktop Services, the collection, Host Servers, Allow new connections.",
        ],
        interrupts: "nothing",
        undo: &["PS> chglogon /drain"],
        verify: "PS> chglogon /query says that session logins are enabled",
    }],
    references: &[
        "https://docs.microsoft.com/en-us/previous-versions/windows/it-pro/windows-server-2008-R2-and-2008/cc727367(v=ws.10)",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("event_logs_of_windows"),
    next_tests: &[],
    rule,
};

/// What the host wrote down decides; no live connection tells it.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    logged::by_event(evidence, CAUSE.id)
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Stage, WindowsEvent};

    use super::CAUSE;
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    fn logged(provider: &str, event_id: u32, more: WindowsEvent) -> Option<(Severity, Proof)> {
        let event = WindowsEvent { provider: provider.to_owned(), event_id, ..more };
        let found = Scene::new().logged(Stage::Session, event).judge(&CAUSE);
        found.map(|found| (found.severity, found.proof))
    }

    #[test]
    fn its_events_and_no_others() {
        let none = WindowsEvent::default;
        let found =
            logged("Microsoft-Windows-TerminalServices-RemoteConnectionManager", 1070, none());
        assert_eq!(found, Some((Severity::Blocking, Proof::Proven)));
        assert_eq!(
            logged("Microsoft-Windows-TerminalServices-RemoteConnectionManager", 1071, none()),
            None
        );
        assert_eq!(logged("TermService", 1070, none()), None);
    }
}
