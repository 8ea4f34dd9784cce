//! A service that Remote Desktop needs is disabled.

use rdpdoctor_model::{CauseId, Change, ObservationId, Stage};

use crate::host_view::certificate::{Bound, bound};
use crate::host_view::{leading, service};
use crate::machine::Machine;
use crate::mend::Mend;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `host.service-disabled`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.service-disabled"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "A service that Remote Desktop needs is disabled on {host}",
    explanation: "Its start type is 4: Windows never starts it, whoever asks. Without TermService nothing listens on the port; without SessionEnv no certificate is made or renewed; without KeyIso and CryptSvc keys and certificates cannot be used. Hardening scripts and clean-up tools set this.",
    excludes: &["password, account, licence"],
    remedies: &[Remedy {
        id: "set-the-usual-start-type",
        place: Where::Host,
        risk: Risk::Low,
        title: "Set the service's usual start type, and start it",
        steps: &[
            "PS> Get-CimInstance Win32_Service -Filter \"Name='TermService' or Name='SessionEnv' or Name='UmRdpService' or Name='KeyIso' or Name='CryptSvc'\" | Format-Table Name, StartMode, State",
            "PS> Set-Service TermService -StartupType Manual; Start-Service TermService",
            "PS> Set-Service SessionEnv, UmRdpService, KeyIso -StartupType Manual   (those of them that are disabled)",
            "PS> Set-Service CryptSvc -StartupType Automatic; Start-Service CryptSvc",
            "If it comes back, a policy sets it: Computer Configuration, Windows Settings, Security Settings, System Services.",
        ],
        interrupts: "nothing",
        undo: &["PS> Set-Service <name> -StartupType Disabled"],
        verify: "PS> Get-Service TermService says Running; rdpdoctor host finds it no longer",
    }],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/azure/virtual-machines/windows/troubleshoot-remote-desktop-services-issues",
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/internal-error-has-occurred-connecting-remote-machine",
    ],
    client_shows: &[],
    more_specific_than: &[
        CauseId("host.service-stopped"),
        CauseId("host.listener-missing"),
        CauseId("net.refused"),
    ],
    reproduction: Reproduction::Test("host_facts"),
    next_tests: &[],
    rule,
};

/// A service, its usual start type, and what is missing without it.
struct Needed {
    name: &'static str,
    start: u32,
    severity: Severity,
    without: &'static str,
    /// Whether a program may set it back: starting a firewall can close the port for good.
    mended: bool,
}

const fn needed(
    name: &'static str,
    start: u32,
    severity: Severity,
    without: &'static str,
    mended: bool,
) -> Needed {
    Needed { name, start, severity, without, mended }
}

/// Every service that is asked about, worst first.
static NEEDED: &[Needed] = &[
    needed("TermService", 3, Severity::Blocking, "nothing listens on the port", true),
    needed("RpcSs", 2, Severity::Blocking, "TermService cannot start", false),
    needed("KeyIso", 3, Severity::Warning, "keys of CNG cannot be opened", true),
    needed("SessionEnv", 3, Severity::Warning, "no certificate is made or renewed", true),
    needed("CryptSvc", 2, Severity::Warning, "certificates cannot be worked with", true),
    needed(
        "UmRdpService",
        3,
        Severity::Warning,
        "drives, printers and clipboard are not redirected",
        true,
    ),
    needed("MpsSvc", 2, Severity::Warning, "no rule of the firewall counts", false),
    needed("BFE", 2, Severity::Warning, "no rule of the firewall counts", false),
    needed("Netlogon", 2, Severity::Warning, "accounts of the domain cannot sign in", false),
    needed("CertPropSvc", 3, Severity::Info, "Windows may make no certificate", false),
];

/// What is changed: the start types of Remote Desktop's own services.
pub static MEND: Mend = Mend {
    cause: CAUSE.id,
    remedy: "set-the-usual-start-type",
    changes: |evidence| {
        let disabled = disabled(evidence);
        let own = disabled.iter().filter(|(needed, ..)| needed.mended);
        let mut changes: Vec<Change> = own
            .map(|(needed, ..)| Change::ServiceStart {
                name: needed.name.to_owned(),
                start: needed.start,
            })
            .collect();
        if disabled.iter().any(|(needed, ..)| needed.name == service::TERM_SERVICE) {
            changes.push(Change::StartService { name: service::TERM_SERVICE.to_owned() });
        }
        changes
    },
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let disabled = disabled(evidence);
    let (worst, severity, _) = disabled.iter().min_by_key(|(_, severity, _)| *severity)?;
    let ids = disabled.iter().map(|(.., id)| id.clone());
    let words: Vec<String> = disabled
        .iter()
        .map(|(needed, ..)| format!("{} is disabled: {}", needed.name, needed.without))
        .collect();
    let found = Match::new(*severity, Proof::Proven, ids)
        .titled(format!("The service {} is disabled on {{host}}", worst.name))
        .detailed(format!("Here: {}.", words.join("; ")));
    // Only what listens explains a port that is closed.
    let blocks = *severity == Severity::Blocking;
    Some(if blocks { leading(evidence, &CAUSE, found) } else { found })
}

/// The services that are disabled, how bad each is here, and the observations.
fn disabled(evidence: &Evidence<'_>) -> Vec<(&'static Needed, Severity, ObservationId)> {
    let host = Machine::host(evidence);
    let found = |needed: &'static Needed| {
        let id = service::disabled(&host, needed.name)?;
        let concerned = needed.name != "Netlogon" || is_member(&host);
        concerned.then(|| (needed, severity(evidence, needed), id))
    };
    NEEDED.iter().filter_map(found).collect()
}

/// A key of CNG cannot be used at all without KeyIso; one of the old providers can.
fn severity(evidence: &Evidence<'_>, needed: &Needed) -> Severity {
    let of_cng = || match bound(evidence) {
        Bound::Found(found) => found.key_place().is_some_and(|place| place.provider_type == 0),
        Bound::Dangling { .. } | Bound::Unknown => false,
    };
    if needed.name == "KeyIso" && of_cng() { Severity::Blocking } else { needed.severity }
}

/// Whether the machine is in a domain: joining sets the domain of its name.
fn is_member(host: &Machine<'_, '_>) -> bool {
    let domain = host.setting(r"HKLM\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters", "Domain");
    domain.is_some_and(|domain| domain.data.text().is_some_and(|name| !name.trim().is_empty()))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Change, Lookup, ServiceState, Stage, StageOutcome};

    use super::{CAUSE, MEND};
    use crate::host_view::service::key_of;
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    const RUNNING: u32 = ServiceState::RUNNING;

    fn disabled(name: &str) -> Scene {
        Scene::new().service(name, ServiceState::STOPPED, 4)
    }

    #[test]
    fn a_disabled_service_is_proven_and_as_bad_as_what_is_missing() {
        let judged =
            |name: &str| disabled(name).judge(&CAUSE).map(|found| (found.severity, found.proof));
        assert_eq!(judged("TermService"), Some((Severity::Blocking, Proof::Proven)));
        assert_eq!(judged("SessionEnv"), Some((Severity::Warning, Proof::Proven)));
        assert_eq!(judged("CertPropSvc"), Some((Severity::Info, Proof::Proven)));
        assert_eq!(judged("Netlogon"), None, "no member of a domain");
        assert_eq!(judged("Spooler"), None);
    }

    #[test]
    fn from_a_disk_the_start_type_is_enough() {
        let scene = Scene::new()
            .service_asked("TermService", Lookup::unavailable("a disk"))
            .host_number(&key_of("TermService"), "Start", Some(4));
        assert!(scene.judge(&CAUSE).is_some());
        assert_eq!(Scene::new().service("TermService", RUNNING, 3).judge(&CAUSE), None);
        let unread = Scene::new().host_unread(&key_of("TermService"), "Start");
        assert_eq!(unread.judge(&CAUSE), None);
    }

    #[test]
    fn it_leads_a_refused_connection_and_a_connection_weakens_it() {
        let refused = disabled("TermService").refused("10.0.0.1:3389");
        assert_eq!(refused.judge(&CAUSE).and_then(|found| found.stage), Some(Stage::Tcp));
        let beside = disabled("SessionEnv").refused("10.0.0.1:3389");
        assert_eq!(beside.judge(&CAUSE).map(|found| found.severity), Some(Severity::Warning));
        let open = disabled("TermService").connected("10.0.0.1:3389").fact(
            Stage::Tcp,
            rdpdoctor_model::Fact::StageEnded {
                outcome: StageOutcome::Passed,
                reason: None,
                elapsed_ms: 1.0,
            },
        );
        assert_eq!(open.judge(&CAUSE).map(|found| found.severity), Some(Severity::Warning));
    }

    #[test]
    fn what_is_changed() {
        let changes = disabled("TermService").with_evidence(MEND.changes);
        let start = Change::ServiceStart { name: "TermService".to_owned(), start: 3 };
        assert_eq!(changes, [start, Change::StartService { name: "TermService".to_owned() }]);
        assert_eq!(disabled("MpsSvc").with_evidence(MEND.changes), []);
    }
}
