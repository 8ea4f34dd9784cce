//! A service of Remote Desktop did not start.

use rdpdoctor_model::{CauseId, Change, ObservationId, Stage};

use crate::causes::logged;
use crate::host_view::{leading, service};
use crate::machine::Machine;
use crate::mend::Mend;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `host.service-stopped`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.service-stopped"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "A Remote Desktop service on {host} did not start",
    explanation: "One of the services of Remote Desktop does not run: it could not be started, ended with an error, or somebody stopped it. Without TermService nothing listens; without SessionEnv no certificate is made. The error number says why: a missing dependency, a wrong account, a changed permission.",
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
    more_specific_than: &[CauseId("host.listener-missing"), CauseId("net.refused")],
    reproduction: Reproduction::Test("event_logs_of_windows"),
    next_tests: &[],
    rule,
};

/// What is changed: the service is started, where its account is not what keeps it down.
pub static MEND: Mend = Mend {
    cause: CAUSE.id,
    remedy: "start-the-service",
    changes: |evidence| {
        let host = Machine::host(evidence);
        let stopped = service::stopped(&host, service::TERM_SERVICE).filter(|seen| {
            seen.value.exit_code != LOGON_FAILED
                && service::disabled(&host, service::TERM_SERVICE).is_none()
        });
        let start = Change::StartService { name: service::TERM_SERVICE.to_owned() };
        stopped.map(|_| start).into_iter().collect()
    },
};

/// ERROR_SERVICE_LOGON_FAILED (winerror.h).
const LOGON_FAILED: u32 = 1069;

/// Services that start with Windows where they are meant to run, and what is missing without them.
const AUTOMATIC: &[(&str, &str)] = &[
    ("MpsSvc", "no rule of the firewall counts"),
    ("BFE", "no rule of the firewall counts"),
    ("CryptSvc", "certificates cannot be worked with"),
    ("Netlogon", "accounts of the domain cannot sign in"),
];

/// The services as they are; what the host wrote down about them decides where nobody saw them.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    own_service(evidence, &host)
        .or_else(|| other_service(&host))
        .or_else(|| logged::by_event(evidence, CAUSE.id))
        .or_else(|| account(&host))
}

/// TermService does not run, and nothing forbids it to: disabled is another cause.
fn own_service(evidence: &Evidence<'_>, host: &Machine<'_, '_>) -> Option<Match> {
    const TITLE: &str = "The service of Remote Desktop does not run on {host}";
    if service::disabled(host, service::TERM_SERVICE).is_some() {
        return None;
    }
    if let Some(id) = service::is_missing(host, service::TERM_SERVICE) {
        let found = Match::new(Severity::Blocking, Proof::Proven, [id])
            .titled("{host} has no service of Remote Desktop");
        return Some(leading(evidence, &CAUSE, found));
    }
    let seen = service::stopped(host, service::TERM_SERVICE)?;
    let found = Match::new(Severity::Blocking, Proof::Proven, [seen.id()]).titled(TITLE);
    let found = match (exit_words(seen.value.exit_code), odd_account(host)) {
        (_, Some(account)) => {
            let mut found = found.detailed(format!(
                "It is set to run as {}, and Windows runs it as NETWORK SERVICE.",
                account.0
            ));
            found.evidence.push(account.1);
            found
        }
        (Some(words), None) => found.detailed(words),
        (None, None) => found,
    };
    Some(leading(evidence, &CAUSE, found))
}

fn other_service(host: &Machine<'_, '_>) -> Option<Match> {
    let stopped: Vec<_> = AUTOMATIC
        .iter()
        .filter_map(|(name, without)| {
            let start = service::start(host, name)?;
            let automatic = start.data.number() == Some(service::AUTOMATIC);
            let seen = service::stopped(host, name).filter(|_| automatic)?;
            Some((*name, *without, seen.id()))
        })
        .collect();
    let (name, ..) = stopped.first()?;
    let words: Vec<String> = stopped
        .iter()
        .map(|(name, without, _)| format!("{name} does not run: {without}"))
        .collect();
    let ids = stopped.iter().map(|(.., id)| id.clone());
    let found = Match::new(Severity::Warning, Proof::Proven, ids)
        .titled(format!("The service {name} does not run on {{host}}"))
        .detailed(format!("Here: {}.", words.join("; ")));
    Some(found)
}

/// Nobody could see whether it runs, as from a disk, but its account is not its own.
fn account(host: &Machine<'_, '_>) -> Option<Match> {
    if service::state(host, service::TERM_SERVICE).is_some() {
        return None;
    }
    let (name, id) = odd_account(host)?;
    let found = Match::new(Severity::Warning, Proof::Likely, [id])
        .titled("The service of Remote Desktop has another account on {host}")
        .detailed(format!("It is set to run as {name}, and Windows runs it as NETWORK SERVICE."));
    Some(found)
}

/// The account of TermService, where it is not NETWORK SERVICE.
fn odd_account(host: &Machine<'_, '_>) -> Option<(String, ObservationId)> {
    let setting = host.setting(&service::key_of(service::TERM_SERVICE), "ObjectName")?;
    let name = setting.data.text()?;
    let plain: String = name.chars().filter(|c| !c.is_whitespace()).collect();
    let own = [r"NTAuthority\NetworkService", "NetworkService"];
    let odd = !own.iter().any(|own| plain.eq_ignore_ascii_case(own));
    odd.then(|| (name.chars().take(100).collect(), setting.id))
}

/// Why it ended, in words (winerror.h); each is read at the service, whatever Windows' language.
fn exit_words(exit_code: u32) -> Option<String> {
    let why = match exit_code {
        0 => return None,
        5 => "it was denied access to a file or key that it needs",
        1053 => "it did not answer in time when it was started",
        1067 => "its process ended unexpectedly",
        1068 => "a service that it depends on did not start",
        LOGON_FAILED => "its account could not sign in",
        1070 => "it hung while it started",
        1077 => "nothing has started it since Windows started",
        1079 => "its account differs from that of the others in its process",
        _ => return Some(format!("It ended with error {exit_code}.")),
    };
    Some(format!("It ended with error {exit_code}: {why}."))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Change, Lookup, ServiceState, Stage, WindowsEvent};

    use super::{CAUSE, MEND};
    use crate::host_view::service::key_of;
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

    #[test]
    fn a_service_that_does_not_run() {
        let stopped = |code| Scene::new().service_ended("TermService", 1, 3, code);
        let found = stopped(1067).judge(&CAUSE).expect("it does not run");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert!(found.detail.is_some_and(|detail| detail.contains("1067")));
        let start = Change::StartService { name: "TermService".to_owned() };
        assert_eq!(stopped(1067).with_evidence(MEND.changes), [start]);
        assert_eq!(stopped(1069).with_evidence(MEND.changes), []);

        let gone = Scene::new().service_asked("TermService", Lookup::Absent);
        assert_eq!(gone.judge(&CAUSE).map(|found| found.severity), Some(Severity::Blocking));
        let firewall = Scene::new().service("BFE", 1, 2).service("TermService", 4, 3);
        assert_eq!(firewall.judge(&CAUSE).map(|found| found.severity), Some(Severity::Warning));
    }

    #[test]
    fn near_misses_of_a_service() {
        for (current, start) in [(ServiceState::RUNNING, 3), (2, 3), (1, 4)] {
            let scene = Scene::new().service("TermService", current, start);
            assert_eq!(scene.judge(&CAUSE), None, "{current} {start}");
        }
        // Started when it is needed.
        assert_eq!(Scene::new().service("Netlogon", 1, 3).judge(&CAUSE), None);
        let unread = Scene::new().service_asked("TermService", Lookup::unavailable("a disk"));
        assert_eq!(unread.judge(&CAUSE), None);
    }

    #[test]
    fn another_account() {
        let key = key_of("TermService");
        let account = |name: &str| Scene::new().host_text(&key, "ObjectName", name).judge(&CAUSE);
        let found = account("CORP\\svc-rdp").expect("not its own");
        assert_eq!((found.severity, found.proof), (Severity::Warning, Proof::Likely));
        assert_eq!(account("NT Authority\\NetworkService"), None);
        let runs = Scene::new().service("TermService", 4, 3).host_text(&key, "ObjectName", "x");
        assert_eq!(runs.judge(&CAUSE), None);
    }
}
