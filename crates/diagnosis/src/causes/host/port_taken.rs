//! Another program holds Remote Desktop's port.

use rdpdoctor_model::{CauseId, Fact, PortListener, PortListeners, Stage};

use crate::host_view::{leading, service};
use crate::machine::Machine;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `host.port-taken`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.port-taken"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "Another program holds the port of Remote Desktop on {host}",
    explanation: "The port that the listener is set to belongs to another process, so Remote Desktop cannot have it. Connections are taken and then closed, or answered in another protocol. A port forwarding of Windows (iphlpsvc), containers and virtual machines do this, and so does a second program for remote access.",
    excludes: &["password, account, licence, certificate"],
    remedies: &[Remedy {
        id: "move-the-other-program",
        place: Where::Host,
        risk: Risk::Medium,
        title: "See who holds the port, move it elsewhere, and start Remote Desktop again",
        steps: &[
            "PS> Get-NetTCPConnection -State Listen -LocalPort {port} | Select-Object LocalAddress, OwningProcess",
            "PS> Get-CimInstance Win32_Service -Filter \"ProcessId=<process id>\"; Get-Process -Id <process id>",
            "If it is iphlpsvc, a port is forwarded: PS> netsh interface portproxy show all",
            "Give the other program another port, then, when nobody is signed in: PS> Restart-Service TermService -Force",
        ],
        interrupts: "what the other program does; restarting TermService cuts every Remote Desktop session",
        undo: &["Give the other program its port back."],
        verify: "PS> Get-NetTCPConnection -State Listen -LocalPort {port} shows the process of TermService",
    }],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/rdp-error-general-troubleshooting",
    ],
    client_shows: &[],
    more_specific_than: &[
        CauseId("host.listener-missing"),
        CauseId("net.wrong-service"),
        CauseId("net.closed-on-accept"),
        CauseId("net.silent-listener"),
        CauseId("nego.closed-after-request"),
        CauseId("nego.malformed-response"),
    ],
    reproduction: Reproduction::Test("host_facts"),
    next_tests: &[],
    rule,
};

/// The program in which services of Windows run: without their names it says nothing.
const SERVICES: &str = "svchost.exe";

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let seen = host.last(|fact| match fact {
        Fact::PortListeners(listeners) => Some(listeners),
        _ => None,
    })?;
    let PortListeners { port, listeners } = seen.value;
    let process = service::state(&host, service::TERM_SERVICE).map_or(0, |seen| seen.value.process);
    let all = listeners.as_seen()?;
    let others: Vec<String> = all.iter().filter_map(|one| other(one, process)).collect();
    let name = others.first()?;
    let whole = others.len() == all.len();
    let severity = if whole { Severity::Blocking } else { Severity::Warning };
    let found = Match::new(severity, Proof::Proven, [seen.id()])
        .titled(format!("{name} holds port {port} of {{host}}"))
        .detailed(if whole {
            format!("{name} listens there, and TermService does not.")
        } else {
            format!("{name} listens there on one address, and TermService on another.")
        });
    Some(if whole { leading(evidence, &CAUSE, found) } else { found })
}

/// Who it is, where it is certainly not Remote Desktop's service.
fn other(listener: &PortListener, process: u32) -> Option<String> {
    let own = |name: &String| name.eq_ignore_ascii_case(service::TERM_SERVICE);
    let program = listener.program.as_deref().unwrap_or_default();
    if listener.services.iter().any(own) || (process != 0 && listener.process == process) {
        return None;
    }
    if let Some(service) = listener.services.first() {
        return Some(short(service));
    }
    let known = !program.is_empty() && !program.eq_ignore_ascii_case(SERVICES);
    known.then(|| short(program))
}

/// A name from the machine, cut to what a title holds.
fn short(name: &str) -> String {
    name.chars().filter(|c| !c.is_control() && !matches!(c, '{' | '}')).take(40).collect()
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Awaited, Ending, Stage};

    use super::CAUSE;
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    const OWN: (&str, u32, &[&str]) = ("svchost.exe", 1000, &["TermService"]);
    const PROXY: (&str, u32, &[&str]) = ("svchost.exe", 77, &["iphlpsvc"]);
    const OTHER: (&str, u32, &[&str]) = ("vpnserver.exe", 78, &[]);

    #[test]
    fn another_program_or_service() {
        for who in [PROXY, OTHER] {
            let found = Scene::new().listening(&[who]).judge(&CAUSE).expect("taken");
            assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        }
        let both = Scene::new().listening(&[OWN, OTHER]).judge(&CAUSE);
        assert_eq!(both.map(|found| found.severity), Some(Severity::Warning));
    }

    #[test]
    fn near_misses() {
        assert_eq!(Scene::new().listening(&[OWN]).judge(&CAUSE), None);
        assert_eq!(Scene::new().listening(&[]).judge(&CAUSE), None);
        let nameless = ("svchost.exe", 1000, &[] as &[&str]);
        assert_eq!(Scene::new().listening(&[nameless]).judge(&CAUSE), None, "it may be its own");
        let by_process = ("renamed.exe", 1000, &[] as &[&str]);
        let scene = Scene::new().service("TermService", 4, 3).listening(&[by_process]);
        assert_eq!(scene.judge(&CAUSE), None);
    }

    #[test]
    fn it_leads_what_another_program_does() {
        let scene = Scene::new()
            .listening(&[PROXY])
            .connected("10.0.0.1:3389")
            .ended(Ending::Fin, Awaited::ConnectionConfirm);
        let found = scene.judge(&CAUSE).expect("taken");
        assert_eq!((found.severity, found.stage), (Severity::Blocking, Some(Stage::X224)));
    }
}
