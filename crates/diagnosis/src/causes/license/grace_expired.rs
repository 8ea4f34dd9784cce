//! The grace period of the licensing is over.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::logged;
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `license.grace-expired`
pub static CAUSE: Cause = Cause {
    id: CauseId("license.grace-expired"),
    stage: Stage::Licensing,
    owner: Owner::Host,
    title: "The grace period of Remote Desktop licensing on {host} is over",
    explanation: "A host with the role Remote Desktop Session Host works 120 days without licences. That time is over, and no licensing mode or no licence server is set, so it refuses sessions. Only a licence server with client access licences helps; a session for administration still works.",
    excludes: &["name, route, firewall, encryption, password: all passed"],
    remedies: &[Remedy {
        id: "set-mode-and-server",
        place: Where::Host,
        risk: Risk::Medium,
        title: "Set the licensing mode and the licence server",
        steps: &[
            "PS> $s = Get-CimInstance -Namespace root/cimv2/TerminalServices Win32_TerminalServiceSetting; $s.LicensingType; Invoke-CimMethod $s GetSpecifiedLicenseServerList",
            "Until then sign in for administration: $ mstsc /admin",
            "Set both in the policy: Computer Configuration, Administrative Templates, Remote Desktop Services, Remote Desktop Session Host, Licensing. PS> gpupdate /force",
            "If the host is no session host for many users, take the role off: two sessions for administration need no licence. PS> Uninstall-WindowsFeature RDS-RD-Server",
            "Do not delete the registry value that counts the grace period: it breaks the licence terms and returns.",
        ],
        interrupts: "setting the policy: nothing; removing the role restarts the machine",
        undo: &[
            "set the former values in the same policy",
            "PS> Install-WindowsFeature RDS-RD-Server",
        ],
        verify: "a user without administrative rights opens a session, and no new event 1069 comes",
    }],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/cannot-connect-rds-no-license-server",
        "MS-RDPELE 2.2.2",
    ],
    client_shows: &[],
    more_specific_than: &[CauseId("license.no-server"), CauseId("license.error")],
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
        let found = Scene::new().logged(Stage::Licensing, event).judge(&CAUSE);
        found.map(|found| (found.severity, found.proof))
    }

    #[test]
    fn its_events_and_no_others() {
        let none = WindowsEvent::default;
        let found =
            logged("Microsoft-Windows-TerminalServices-RemoteConnectionManager", 1069, none());
        assert_eq!(found, Some((Severity::Blocking, Proof::Proven)));
        let found = logged("TermService", 1088, none());
        assert_eq!(found, Some((Severity::Blocking, Proof::Proven)));
        assert_eq!(
            logged("Microsoft-Windows-TerminalServices-RemoteConnectionManager", 1068, none()),
            None
        );
        assert_eq!(
            logged("Microsoft-Windows-TerminalServices-RemoteConnectionManager", 1004, none()),
            None
        );
    }
}
