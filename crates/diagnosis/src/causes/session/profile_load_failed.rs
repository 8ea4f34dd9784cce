//! The user's profile could not be loaded.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::logged;
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `session.profile-load-failed`
pub static CAUSE: Cause = Cause {
    id: CauseId("session.profile-load-failed"),
    stage: Stage::Session,
    owner: Owner::Host,
    title: "{host} could not load the user's profile",
    explanation: "The sign-in was right, and then Windows could not load the user's profile: its folder or registry hive is damaged, locked by another program, out of reach on a file server, or its entry in the list of profiles points to nothing. Windows then refuses the logon or opens a temporary profile.",
    excludes: &["name, route, firewall, encryption, password: all passed"],
    remedies: &[Remedy {
        id: "look-at-the-profile",
        place: Where::Host,
        risk: Risk::Medium,
        title: "See why the profile cannot be loaded, and mend its entry",
        steps: &[
            "PS> Get-WinEvent -FilterHashtable @{LogName='Application'; ProviderName='Microsoft-Windows-User Profiles Service'} -MaxEvents 20 | Format-List TimeCreated, Id, Message",
            "PS> Get-ChildItem 'HKLM:\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\ProfileList' | Get-ItemProperty | Select-Object PSChildName, ProfileImagePath, State   (two entries for one user, one of them .bak: the good one was set aside)",
            "Free space on the disk? PS> Get-PSDrive C",
            "Restart the machine once while nobody is logged on: what locks the hive is gone then.",
            "Keep a copy of the list before you change it: PS> reg export \"HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\ProfileList\" C:\\profile-list.reg",
            "Rename the entry without .bak to .old and the one with .bak to the plain number, and let the user sign in again.",
        ],
        interrupts: "the restart ends every session",
        undo: &["PS> reg import C:\\profile-list.reg"],
        verify: "the user signs in, and the Application log has no new event 1500 to 1515",
    }],
    references: &["https://support.microsoft.com/kb/947215"],
    client_shows: &[],
    more_specific_than: &[CauseId("session.closed")],
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
        let found = logged("Microsoft-Windows-User Profiles Service", 1500, none());
        assert_eq!(found, Some((Severity::Blocking, Proof::Proven)));
        let found = logged("Microsoft-Windows-User Profiles Service", 1511, none());
        assert_eq!(found, Some((Severity::Warning, Proof::Likely)));
        assert_eq!(logged("Microsoft-Windows-User Profiles Service", 1521, none()), None);
        assert_eq!(logged("Microsoft-Windows-User Profiles Service", 1, none()), None);
    }
}
