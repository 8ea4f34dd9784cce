//! A known trouble after an update.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::logged;
use crate::known_regressions;
use crate::machine::Machine;
use crate::machine_facts::matched;
use crate::{Cause, Evidence, Match, NextTest, Owner, Remedy, Reproduction, Risk, Where};

/// `host.update-regression`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.update-regression"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "An update of {host} brought a known fault",
    explanation: "Some updates of Windows change what a host accepts, and a sign-in or a session that worked before fails since then. What mends it is a later update, seldom going back: that opens what the update had closed.",
    excludes: &["password, account"],
    remedies: &[
        Remedy {
            id: "install-the-later-update",
            place: Where::Host,
            risk: Risk::Medium,
            title: "Install the update that mends it, or any later cumulative one",
            steps: &[
                "PS> Get-HotFix | Sort-Object InstalledOn | Select-Object -Last 5",
                "Out-of-band updates are offered as optional ones: Settings, Windows Update, Check for updates, or the Microsoft Update Catalog by the number.",
                "For the updates of September 2026 that broke Remote Desktop Services: KB5129195 (Windows 11 24H2, 25H2), KB5129235 (Server 2025), KB5129237 (2022), KB5129238 (2019), KB5129239 (2016).",
            ],
            interrupts: "the update restarts the machine",
            undo: &["Uninstall it in Settings, Windows Update, Update history"],
            verify: "rdpdoctor host finds it no longer",
        },
        Remedy {
            id: "give-it-an-own-identity",
            place: Where::Host,
            risk: Risk::High,
            title: "After event 6167: give the cloned machine an identity of its own",
            steps: &[
                "PS> Get-WinEvent -FilterHashtable @{LogName='System'; Id=6167} -MaxEvents 5 | Format-List TimeCreated, Message",
                "On both machines: PS> (Get-CimInstance Win32_UserAccount -Filter \"LocalAccount=True\" | Select-Object -First 1).SID   (the same but for the last number: clones)",
                "Build one of them anew from an image that was generalised (sysprep /generalize), then join it to the domain.",
            ],
            interrupts: "building a machine anew",
            undo: &["restore the machine from the copy that was made before"],
            verify: "no new event 6167, and the sign-in works",
        },
    ],
    references: &["https://softantenna.com/blog/windows-11-sid-changes"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("event_logs_of_windows"),
    next_tests: &[NextTest {
        why: "where the connection ends: a fault of an update ends it behind the sign-in",
        command: "rdpdoctor check {target} -u <user> --logon",
    }],
    rule,
};

/// What the host wrote down goes before what its list of updates makes possible. Since updates of
/// late 2025 machines that were cloned without being generalised, and so share one machine SID, refuse
/// each other.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    match logged::by_event(evidence, CAUSE.id) {
        Some(found) => {
            Some(found.titled("Since an update {host} refuses the sign-in of cloned machines"))
        }
        None => matched(known_regressions::found(&Machine::host(evidence), false)),
    }
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, Lookup, RegistryData, Stage, WindowsEvent};

    use super::CAUSE;
    use crate::machine_facts::VERSION;
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    fn logged(provider: &str, event_id: u32, more: WindowsEvent) -> Option<(Severity, Proof)> {
        let event = WindowsEvent { provider: provider.to_owned(), event_id, ..more };
        let found = Scene::new().logged(Stage::CredSsp, event).judge(&CAUSE);
        found.map(|found| (found.severity, found.proof))
    }

    #[test]
    fn its_events_and_no_others() {
        let none = WindowsEvent::default;
        let found = logged("LsaSrv", 6167, none());
        assert_eq!(found, Some((Severity::Warning, Proof::Likely)));
        assert_eq!(logged("LsaSrv", 6037, none()), None);
    }

    fn updated(build: &str, kind: &str, updates: &[&str]) -> Option<(Severity, Proof)> {
        let text = |text: &str| Lookup::seen(RegistryData::Text(text.to_owned()));
        let updates = Lookup::seen(updates.iter().map(|kb| (*kb).to_owned()).collect());
        let found = Scene::new()
            .machine_value(Stage::Host, VERSION, "CurrentBuildNumber", text(build))
            .machine_value(Stage::Host, VERSION, "InstallationType", text(kind))
            .fact(Stage::Host, Fact::InstalledUpdates { updates })
            .judge(&CAUSE);
        found.map(|found| (found.severity, found.proof))
    }

    #[test]
    fn updates_that_brought_and_that_mended() {
        let likely = Some((Severity::Warning, Proof::Likely));
        assert_eq!(updated("26100", "Server", &["KB5051987"]), likely);
        assert_eq!(updated("26100", "Client", &["KB5051987"]), None);
        assert_eq!(updated("26100", "Server", &["KB5051987", "KB5055523"]), None);
        assert_eq!(updated("26100", "Server", &["KB5051987", "KB5060000"]), None, "a later one");
        assert_eq!(updated("20348", "Server", &["KB5051987"]), None, "another release");
        let possible = Some((Severity::Warning, Proof::Possible));
        assert_eq!(updated("26100", "Client", &["KB5001716", "KB5074109"]), possible);
        assert_eq!(updated("26100", "Client", &["KB5074109", "KB5077744"]), None);
        assert_eq!(updated("26100", "Client", &[]), None);
    }

    #[test]
    fn a_list_that_nobody_could_read() {
        let updates = Lookup::unavailable("access denied");
        let scene = Scene::new().fact(Stage::Host, Fact::InstalledUpdates { updates });
        assert_eq!(scene.judge(&CAUSE), None);
    }
}
