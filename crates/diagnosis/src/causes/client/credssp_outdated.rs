//! CredSSP on the client is out of date.

use rdpdoctor_model::{CauseId, Stage};

use crate::machine::Machine;
use crate::machine_facts::without_credssp_update;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `client.credssp-outdated`
pub static CAUSE: Cause = Cause {
    id: CauseId("client.credssp-outdated"),
    stage: Stage::Client,
    owner: Owner::Client,
    title: "This client lacks the CredSSP update of 2018",
    explanation: "CredSSP, which carries the sign-in of NLA, had a flaw (CVE-2018-0886) that was mended in May 2018. This client lacks the update: hosts that insist on it refuse the sign-in with \"The function requested is not supported\", and whoever stands in between can use the flaw.",
    excludes: &["password, account"],
    remedies: &[Remedy {
        id: "install-the-update",
        place: Where::Client,
        risk: Risk::Medium,
        title: "Install the current cumulative update on this client",
        steps: &[
            "PS> (Get-Item C:\\Windows\\System32\\tspkg.dll).VersionInfo.FileVersion",
            "Install the current cumulative update by Windows Update. Do not weaken the host for it.",
        ],
        interrupts: "the update restarts the machine",
        undo: &["Uninstall the update in Settings, Windows Update, Update history"],
        verify: "rdpdoctor client finds it no longer",
    }],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/azure/virtual-machines/windows/credssp-encryption-oracle-remediation",
        "KB4093492",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("facts_of_broken_clients"),
    next_tests: &[],
    rule,
};

/// A host with usual settings takes such a client still.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let (id, words) = without_credssp_update(&Machine::client(evidence))?;
    Some(Match::new(Severity::Warning, Proof::Proven, [id]).detailed(words))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, FileState, Lookup, Stage, WindowsFile};

    use super::CAUSE;
    use crate::testing::Scene;

    fn found(stage: Stage, state: Lookup<&str>) -> bool {
        let state = state.map_seen(|version| FileState {
            length: 1,
            modified: None,
            version: Some(version.to_owned()),
            access: Lookup::Absent,
        });
        let path = r"C:\Windows\System32\tspkg.dll".to_owned();
        let file = Fact::WindowsFile(Box::new(WindowsFile { path, state }));
        Scene::new().fact(stage, file).judge(&CAUSE).is_some()
    }

    #[test]
    fn before_and_after_the_update() {
        assert!(found(Stage::Client, Lookup::seen("6.3.9600.18000")));
        assert!(!found(Stage::Client, Lookup::seen("6.3.9600.18999")));
        assert!(!found(Stage::Host, Lookup::seen("6.3.9600.18000")), "the other end");
        assert!(!found(Stage::Client, Lookup::unavailable("access denied")));
    }
}
