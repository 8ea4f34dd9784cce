//! The listener went down.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::{advice, logged};
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `host.listener-missing`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.listener-missing"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "The Remote Desktop listener on {host} went down",
    explanation: "TermService wrote that its listener is down: no new connection is taken although the service runs. Its registry keys are damaged, another program holds the port, or an update left files that do not fit together.",
    excludes: &["password, account, licence"],
    remedies: &[Remedy {
        id: "look-at-the-listener",
        place: Where::Host,
        risk: Risk::Low,
        title: "See whether the listener is there and who holds the port",
        steps: &[
            "PS> qwinsta   (a line rdp-tcp in the state Listen)",
            "PS> Get-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp' -Name PortNumber, fEnableWinStation",
            "PS> Get-NetTCPConnection -State Listen -LocalPort 3389 | Select-Object LocalAddress, OwningProcess",
            "Compare the key WinStations\\RDP-Tcp with that of a healthy host of the same version.",
        ],
        interrupts: "nothing",
        undo: advice::NOTHING_TO_UNDO,
        verify: "qwinsta shows rdp-tcp in the state Listen",
    }],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/rdp-error-general-troubleshooting",
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
        let none = WindowsEvent::default;
        let found =
            logged("Microsoft-Windows-TerminalServices-RemoteConnectionManager", 1035, none());
        assert_eq!(found, Some((Severity::Warning, Proof::Likely)));
        assert_eq!(
            logged("Microsoft-Windows-TerminalServices-RemoteConnectionManager", 258, none()),
            None
        );
    }
}
