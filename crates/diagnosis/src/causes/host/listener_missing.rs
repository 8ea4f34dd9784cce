//! The listener went down.

use rdpdoctor_model::{CauseId, Fact, Stage};

use crate::causes::{advice, logged};
use crate::host_view::{key, leading, service};
use crate::machine::{LISTENER, Machine};
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `host.listener-missing`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.listener-missing"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "The Remote Desktop listener on {host} went down",
    explanation: "The listener is down: no new connection is taken although the service runs. Its registry keys are damaged, another program holds the port, or an update left files that do not fit together.",
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
    more_specific_than: &[CauseId("net.refused")],
    reproduction: Reproduction::Test("event_logs_of_windows"),
    next_tests: &[],
    rule,
};

/// The listener's key, who holds the port, and what the host wrote down.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let seen = without_key(&host).or_else(|| silent(&host));
    let seen = seen.map(|found| leading(evidence, &CAUSE, found));
    seen.or_else(|| logged::by_event(evidence, CAUSE.id)).or_else(|| one_adapter(&host))
}

/// Without its key there is no listener.
fn without_key(host: &Machine<'_, '_>) -> Option<Match> {
    let seen = key(host, LISTENER)?;
    seen.value.subkeys.is_absent().then(|| {
        Match::new(Severity::Blocking, Proof::Proven, [seen.id()])
            .titled("The settings of the Remote Desktop listener on {host} are gone")
            .detailed("The key WinStations\\RDP-Tcp is not in the registry.")
    })
}

/// The service runs, and nobody holds the port.
fn silent(host: &Machine<'_, '_>) -> Option<Match> {
    let listeners = host.last(|fact| match fact {
        Fact::PortListeners(listeners) => Some(listeners),
        _ => None,
    })?;
    let runs = service::runs(host, service::TERM_SERVICE);
    (runs && listeners.value.listeners.is_absent()).then(|| {
        let service = service::state(host, service::TERM_SERVICE).map(|seen| seen.id());
        let ids = [Some(listeners.id()), service].into_iter().flatten();
        Match::new(Severity::Blocking, Proof::Proven, ids)
            .titled(format!("Nothing listens on port {} of {{host}}", listeners.value.port))
            .detailed("TermService runs, and nobody holds its port.")
    })
}

/// Bound to one adapter, by a number that changes when adapters do.
fn one_adapter(host: &Machine<'_, '_>) -> Option<Match> {
    let setting = host.setting(LISTENER, "LanAdapter")?;
    let number = setting.data.number().filter(|number| *number != 0)?;
    let found = Match::new(Severity::Warning, Proof::Possible, [setting.id])
        .titled("Remote Desktop on {host} listens on one network adapter only")
        .detailed(format!(
            "LanAdapter is {number}; 0 stands for all. If that adapter is gone, nobody can connect."
        ));
    Some(found)
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Lookup, Stage, WindowsEvent};

    use super::{CAUSE, LISTENER};
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

    #[test]
    fn a_listener_without_its_key_or_its_port() {
        let judged = |scene: Scene| scene.judge(&CAUSE).map(|found| (found.severity, found.proof));
        let proven = Some((Severity::Blocking, Proof::Proven));
        assert_eq!(judged(Scene::new().host_key(LISTENER, Lookup::Absent)), proven);
        let unread = Scene::new().host_key(LISTENER, Lookup::unavailable("access denied"));
        assert_eq!(judged(unread), None);
        let runs = || Scene::new().service("TermService", 4, 3);
        assert_eq!(judged(runs().listening(&[])), proven);
        let own: (&str, u32, &[&str]) = ("svchost.exe", 1000, &["TermService"]);
        assert_eq!(judged(runs().listening(&[own])), None);
        assert_eq!(judged(Scene::new().listening(&[])), None, "nobody saw the service");
        let one = Scene::new().host_number(LISTENER, "LanAdapter", Some(2));
        assert_eq!(judged(one), Some((Severity::Warning, Proof::Possible)));
        assert_eq!(judged(Scene::new().host_number(LISTENER, "LanAdapter", Some(0))), None);
    }
}
