//! CredSSP on the host is out of date, or set to an extreme.

use rdpdoctor_model::{CauseId, Change, Stage};

use crate::machine::Machine;
use crate::machine_facts::{CREDSSP, LSA, ORACLE, Point, matched, number, without_credssp_update};
use crate::mend::Mend;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `host.credssp-policy`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.credssp-policy"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "CredSSP on {host} is out of date or set to an extreme",
    explanation: "CredSSP, which carries the sign-in of NLA, had a flaw (CVE-2018-0886) that was mended in 2018. Clients that have the update refuse a host that lacks it, and a host can be set to refuse clients without it, or to take everything again.",
    excludes: &["password, account"],
    remedies: &[
        Remedy {
            id: "install-the-update",
            place: Where::Host,
            risk: Risk::Medium,
            title: "Install the current cumulative update, on the end that lacks the one of 2018",
            steps: &[
                "PS> (Get-Item C:\\Windows\\System32\\tspkg.dll).VersionInfo.FileVersion",
                "Install the current cumulative update (of a cloud machine: by its serial console or run command).",
            ],
            interrupts: "the update restarts the machine",
            undo: &["Uninstall the update in Settings, Windows Update, Update history"],
            verify: "rdpdoctor check {target} gets past 'sign-in'",
        },
        Remedy {
            id: "take-the-setting-away",
            place: Where::Host,
            risk: Risk::Low,
            title: "Take away the setting that keeps the old flaw open",
            steps: &[
                "PS> Remove-ItemProperty 'HKLM:\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System\\CredSSP\\Parameters' AllowEncryptionOracle",
            ],
            interrupts: "clients and hosts that lack the update of 2018 are refused from then on",
            undo: &["rdpdoctor host rollback; better bring the other end up to date"],
            verify: "rdpdoctor host finds it no longer",
        },
    ],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/azure/virtual-machines/windows/credssp-encryption-oracle-remediation",
        "KB4093492",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("facts_of_broken_hosts"),
    next_tests: &[],
    rule,
};

/// What is changed: the setting that weakens goes. None is made that would.
pub static MEND: Mend = Mend {
    cause: CAUSE.id,
    remedy: "take-the-setting-away",
    changes: |evidence| {
        let host = Machine::host(evidence);
        let open = number(&host, CREDSSP, ORACLE)
            .is_some_and(|(setting, level)| level == 2 && !setting.is_managed());
        let change =
            Change::RegistryValue { key: CREDSSP.to_owned(), name: ORACLE.to_owned(), data: None };
        open.then_some(change).into_iter().collect()
    },
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let points = [outdated(&host), oracle(&host), not_kept(&host), restricted_admin(&host)];
    matched(points.into_iter().flatten().collect())
}

fn outdated(host: &Machine<'_, '_>) -> Option<Point> {
    let (id, words) = without_credssp_update(host)?;
    let title = "{host} lacks the CredSSP update of 2018: clients that have it refuse to sign in";
    Some(Point::new(Severity::Blocking, Proof::Proven, [id], title, words))
}

fn oracle(host: &Machine<'_, '_>) -> Option<Point> {
    let (setting, level) = number(host, CREDSSP, ORACLE)?;
    match level {
        0 => Some(Point::of_setting(
            Severity::Info,
            Proof::Proven,
            &setting,
            "{host} refuses clients that lack the CredSSP update of 2018",
            "AllowEncryptionOracle is 0: clients without the update are refused, as they should be.",
        )),
        2 => Some(Point::of_setting(
            Severity::Warning,
            Proof::Proven,
            &setting,
            "{host} is set to leave a mended flaw of CredSSP open",
            "AllowEncryptionOracle is 2: CVE-2018-0886 can be used against whoever signs in.",
        )),
        _ => None,
    }
}

/// A value of security baselines; what it does to a sign-in from afar is said on one page only.
fn not_kept(host: &Machine<'_, '_>) -> Option<Point> {
    let (setting, _) = number(host, LSA, "disabledomaincreds").filter(|(_, set)| *set == 1)?;
    Some(Point::of_setting(
        Severity::Info,
        Proof::Possible,
        &setting,
        "{host} keeps no credentials for the network",
        "disabledomaincreds is 1: saved credentials of the domain are not used from this machine.",
    ))
}

fn restricted_admin(host: &Machine<'_, '_>) -> Option<Point> {
    let (setting, _) = number(host, LSA, "DisableRestrictedAdmin").filter(|(_, off)| *off == 0)?;
    Some(Point::of_setting(
        Severity::Info,
        Proof::Proven,
        &setting,
        "{host} takes Restricted Admin: a stolen hash is enough to sign in",
        "DisableRestrictedAdmin is 0, so sign-ins without a password at hand are taken; Remote Credential Guard needs it, nothing else does.",
    ))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Change, Fact, FileState, Lookup, Stage, WindowsFile};

    use super::{CAUSE, CREDSSP, MEND, ORACLE};
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    fn judged(scene: &Scene) -> Option<(Severity, Proof)> {
        scene.judge(&CAUSE).map(|found| (found.severity, found.proof))
    }

    fn with_version(version: &str) -> Scene {
        let version = Some(version.to_owned());
        let state = FileState { length: 1, modified: None, version, access: Lookup::Absent };
        let path = r"C:\Windows\System32\tspkg.dll".to_owned();
        let file = WindowsFile { path, state: Lookup::seen(state) };
        Scene::new().fact(Stage::Host, Fact::WindowsFile(Box::new(file)))
    }

    #[test]
    fn only_a_host_without_the_update_blocks() {
        let blocked = Some((Severity::Blocking, Proof::Proven));
        assert_eq!(judged(&with_version("10.0.14393.0")), blocked);
        assert_eq!(judged(&with_version("10.0.14393.2248")), None);
        let level = |level| Scene::new().host_number(CREDSSP, ORACLE, level);
        assert_eq!(judged(&level(Some(2))), Some((Severity::Warning, Proof::Proven)));
        assert_eq!(judged(&level(Some(0))), Some((Severity::Info, Proof::Proven)));
        assert_eq!((judged(&level(Some(1))), judged(&level(None))), (None, None));
    }

    #[test]
    fn the_mend_only_takes_away() {
        let changes = |level| {
            let scene = Scene::new().host_number(CREDSSP, ORACLE, Some(level));
            // The test's scenes take the key for a policy's; the collector does not.
            scene.unmanaged().with_evidence(|evidence| (MEND.changes)(evidence))
        };
        let [Change::RegistryValue { data: None, .. }] = changes(2).as_slice() else {
            panic!("another change: {:?}", changes(2))
        };
        assert!(changes(0).is_empty() && changes(1).is_empty());
        let managed = Scene::new().host_number(CREDSSP, ORACLE, Some(2));
        assert!(managed.with_evidence(|evidence| (MEND.changes)(evidence)).is_empty());
    }
}
