//! A known trouble of the client after an update.

use rdpdoctor_model::{CauseId, Stage};

use crate::known_regressions;
use crate::machine::Machine;
use crate::machine_facts::matched;
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `client.update-regression`
pub static CAUSE: Cause = Cause {
    id: CauseId("client.update-regression"),
    stage: Stage::Client,
    owner: Owner::Client,
    title: "An update of this client changed how it connects",
    explanation: "Some updates of Windows brought a fault to the Remote Desktop client, or a question that users take for one. What mends a fault is a later update, seldom going back: that opens what the update had closed.",
    excludes: &["password, account"],
    remedies: &[
        Remedy {
            id: "install-the-later-update",
            place: Where::Client,
            risk: Risk::Medium,
            title: "Install the current cumulative update on this client",
            steps: &[
                "PS> Get-HotFix | Sort-Object InstalledOn | Select-Object -Last 5",
                "Settings, Windows Update, Check for updates; faults that Microsoft rolls back by itself are gone after a restart.",
            ],
            interrupts: "the update restarts the machine",
            undo: &["Uninstall it in Settings, Windows Update, Update history"],
            verify: "rdpdoctor client finds it no longer",
        },
        Remedy {
            id: "sign-the-files",
            place: Where::Client,
            risk: Risk::Low,
            title: "Against the question before unsigned files: sign the .rdp files that are given out",
            steps: &[
                "PS> rdpsign.exe /sha256 <thumbprint of a code signing certificate> <file.rdp>",
            ],
            interrupts: "nothing",
            undo: &["Remove the lines signscope and signature"],
            verify: "mstsc names the publisher",
        },
    ],
    references: &[
        "KB5083769",
        "https://vpncentral.com/windows-now-warns-before-opening-risky-rdp-files-after-april-2026-security-update/",
        "https://www.engineerdirect.co.uk/guides/library/d/remote-access-vpn/rdp-udp-disconnect-65-seconds-win11-24h2-server-2016/",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("facts_of_broken_clients"),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    matched(known_regressions::found(&Machine::client(evidence), true))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, Lookup, RegistryData, Stage};

    use super::CAUSE;
    use crate::machine_facts::VERSION;
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    fn judged(scene: &Scene) -> Option<(Severity, Proof)> {
        scene.judge(&CAUSE).map(|found| (found.severity, found.proof))
    }

    #[test]
    fn a_build_that_loses_sessions() {
        let build = |revision: Lookup<u32>| {
            let number = Lookup::seen(RegistryData::Text("26100".to_owned()));
            Scene::new()
                .machine_value(Stage::Client, VERSION, "CurrentBuildNumber", number)
                .machine_value(
                    Stage::Client,
                    VERSION,
                    "UBR",
                    revision.map_seen(RegistryData::Dword),
                )
        };
        let info = Some((Severity::Info, Proof::Possible));
        assert_eq!(judged(&build(Lookup::seen(3194))), info);
        assert_eq!(
            (judged(&build(Lookup::seen(3775))), judged(&build(Lookup::seen(1)))),
            (None, None)
        );
        assert_eq!(judged(&build(Lookup::unavailable("access denied"))), None);
    }

    #[test]
    fn an_update_that_asks() {
        let updates = |all: &[&str]| {
            let updates = Lookup::seen(all.iter().map(|kb| (*kb).to_owned()).collect());
            judged(&Scene::new().fact(Stage::Client, Fact::InstalledUpdates { updates }))
        };
        assert_eq!(updates(&["KB5083769"]), Some((Severity::Info, Proof::Likely)));
        assert_eq!(updates(&["KB5012345"]), None);
    }
}
