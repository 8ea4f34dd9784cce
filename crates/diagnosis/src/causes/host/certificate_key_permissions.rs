//! NETWORK SERVICE may not read the private key.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::{advice, logged};
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `host.certificate-key-permissions`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.certificate-key-permissions"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "Remote Desktop on {host} may not read the private key of its certificate",
    explanation: "The key file of the Remote Desktop certificate is there, but NETWORK SERVICE, which runs Remote Desktop, is not allowed to read it, or SYSTEM may not replace it. Hardening scripts and a new owner of the folder MachineKeys do this.",
    excludes: &["password", "account", "licence"],
    remedies: &[Remedy {
        id: "grant-the-two-permissions",
        place: Where::Host,
        risk: Risk::Medium,
        title: "Grant the two missing permissions on this one key file",
        steps: &[
            "PS> $f = \"$env:ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys\\f686aace6942fb7f7ceb231212eef4a4_$((Get-ItemProperty HKLM:\\SOFTWARE\\Microsoft\\Cryptography).MachineGuid)\"; Test-Path $f; icacls $f   (is the key there, and who may read it?)",
            "Keep its permissions, then grant the two, on this one file only: PS> icacls $f /save C:\\rdp-key-acl.txt",
            "PS> icacls $f /grant '*S-1-5-20:(R)' '*S-1-5-18:(F)'",
            "Check from outside now. Only if it still fails, and after telling who is logged on: PS> Restart-Service TermService -Force",
            "Leave the folder itself alone: every other program's keys lie in it.",
        ],
        interrupts: "granting: nothing; Restart-Service TermService cuts every Remote Desktop session",
        undo: &["PS> icacls (Split-Path $f) /restore C:\\rdp-key-acl.txt"],
        verify: "rdpdoctor check {target} gets past 'encryption' and shows the certificate",
    }],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/azure/virtual-machines/windows/event-id-troubleshoot-vm-rdp-connecton",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("event_logs_of_windows"),
    next_tests: &[advice::LOOK_AT_KEY],
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
        let found = Scene::new().logged(Stage::Tls, event).judge(&CAUSE);
        found.map(|found| (found.severity, found.proof))
    }

    #[test]
    fn its_events_and_no_others() {
        let none = WindowsEvent::default;
        let found =
            logged("Microsoft-Windows-TerminalServices-RemoteConnectionManager", 1058, none());
        assert_eq!(found, Some((Severity::Blocking, Proof::Likely)));
        let found = logged("Schannel", 36870, none());
        assert_eq!(found, Some((Severity::Blocking, Proof::Possible)));
        assert_eq!(
            logged("Microsoft-Windows-TerminalServices-RemoteConnectionManager", 1056, none()),
            None
        );
        assert_eq!(logged("Schannel", 36871, none()), None);
    }
}
