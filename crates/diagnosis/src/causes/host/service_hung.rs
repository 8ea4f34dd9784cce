//! A service of Remote Desktop hung or crashed.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::{advice, logged};
use crate::host_view::service;
use crate::machine::Machine;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `host.service-hung`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.service-hung"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "A Remote Desktop service on {host} hung or crashed",
    explanation: "The service control manager wrote that one of the services of Remote Desktop did not answer in time or ended by itself. While it hangs, connections are accepted and never go on; after a crash every session is cut and the service starts again.",
    excludes: &["password, account, licence"],
    remedies: &[Remedy {
        id: "find-what-hangs",
        place: Where::Host,
        risk: Risk::Medium,
        title: "Find the module that makes it hang, and restart the service",
        steps: &[
            "PS> Get-WinEvent -FilterHashtable @{LogName='Application'; ProviderName='Application Error','Windows Error Reporting'} -MaxEvents 10 | Format-List TimeCreated, Message   (the faulting module)",
            "PS> Get-CimInstance Win32_Service -Filter \"Name='TermService'\" | Select-Object State, ProcessId, PathName",
            "PS> (Get-Process -Id <process id>).Modules | Where-Object Company -notlike \"Microsoft*\"   (wrappers and injected modules)",
            "Tell who is logged on, then restart it; if it will not stop, restart the machine: PS> Restart-Service TermService -Force",
        ],
        interrupts: "Restart-Service TermService cuts every Remote Desktop session",
        undo: advice::NOTHING_TO_UNDO,
        verify: "rdpdoctor check {target} passes, and no new event 7011, 7022, 7031 or 7034 comes",
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

/// What the host wrote down decides; a service that is on its way and does not listen may hang.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    logged::by_event(evidence, CAUSE.id).or_else(|| {
        let host = Machine::host(evidence);
        let pending = service::pending(&host, service::TERM_SERVICE)?;
        let silent = service::listens(&host) == Some(false);
        silent.then(|| {
            Match::new(Severity::Warning, Proof::Possible, [pending.id()])
                .titled("The service of Remote Desktop on {host} neither runs nor has ended")
                .detailed("It was starting or stopping when it was looked at: look again; a service that stays so hangs.")
        })
    })
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
        let found = logged("Service Control Manager", 7022, of("TermService"));
        assert_eq!(found, Some((Severity::Warning, Proof::Proven)));
        let found = logged("Service Control Manager", 7034, of("TermService"));
        assert_eq!(found, Some((Severity::Warning, Proof::Likely)));
        assert_eq!(logged("Service Control Manager", 7000, of("TermService")), None);
        assert_eq!(logged("Service Control Manager", 7036, of("TermService")), None);
    }

    #[test]
    fn a_service_on_its_way_that_does_not_listen() {
        let stopping = || Scene::new().service("TermService", 3, 3);
        let found = stopping().listening(&[]).judge(&CAUSE).expect("it may hang");
        assert_eq!((found.severity, found.proof), (Severity::Warning, Proof::Possible));
        assert_eq!(stopping().judge(&CAUSE), None, "nobody looked at the port");
        let runs = Scene::new().service("TermService", 4, 3).listening(&[]);
        assert_eq!(runs.judge(&CAUSE), None);
    }
}
