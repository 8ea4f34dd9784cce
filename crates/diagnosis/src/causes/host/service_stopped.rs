//! A service of Remote Desktop did not start.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::logged;
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `host.service-stopped`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.service-stopped"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "A Remote Desktop service on {host} did not start",
    explanation: "The service control manager wrote that one of the services of Remote Desktop could not be started or ended with an error. Without TermService nothing listens; without SessionEnv no certificate is made. The error number says why: a missing dependency, a wrong account, a changed permission.",
    excludes: &["password, account, licence"],
    remedies: &[Remedy {
        id: "start-the-service",
        place: Where::Host,
        risk: Risk::Low,
        title: "See which service failed and why, and start it",
        steps: &[
            "PS> Get-Service TermService, SessionEnv, UmRdpService | Format-Table Name, Status, StartType",
            "PS> Get-WinEvent -FilterHashtable @{LogName='System'; ProviderName='Service Control Manager'} -MaxEvents 20 | Format-List TimeCreated, Id, Message",
            "PS> sc.exe qc TermService   (its account is NT Authority\\NetworkService)",
            "PS> Start-Service TermService",
        ],
        interrupts: "nothing",
        undo: &["PS> Stop-Service TermService -Force"],
        verify: "PS> Get-Service TermService says Running; rdpdoctor check {target} passes",
    }],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/azure/virtual-machines/windows/troubleshoot-remote-desktop-services-issues",
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
        let found = Scene::new().logged(Stage::Host, event).judge(&CAUSE);
        found.map(|found| (found.severity, found.proof))
    }

    #[test]
    fn its_events_and_no_others() {
        let of =
            |name: &str| WindowsEvent { service: Some(name.to_owned()), ..WindowsEvent::default() };
        let found = logged("Service Control Manager", 7000, of("TermService"));
        assert_eq!(found, Some((Severity::Warning, Proof::Proven)));
        let found = logged("Service Control Manager", 7033, of("SessionEnv"));
        assert_eq!(found, Some((Severity::Warning, Proof::Likely)));
        assert_eq!(logged("Service Control Manager", 7022, of("TermService")), None);
        assert_eq!(logged("Service Control Manager", 7036, of("TermService")), None);
    }
}
