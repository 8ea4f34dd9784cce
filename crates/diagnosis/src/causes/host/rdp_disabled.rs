//! Remote Desktop is switched off.

use rdpdoctor_model::{CauseId, Change, RegistryData, Stage};

use crate::machine::{Machine, POLICY, SERVER};
use crate::mend::Mend;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

const SWITCH: &str = "fDenyTSConnections";

/// `host.rdp-disabled`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.rdp-disabled"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "Remote Desktop is switched off on {host}",
    explanation: "The value fDenyTSConnections is 1: Windows takes no Remote Desktop connection, and nothing listens on the port. A policy's value wins over the machine's own switch.",
    excludes: &["network, certificate, password, licence"],
    remedies: &[
        Remedy {
            id: "switch-on",
            place: Where::Host,
            risk: Risk::Medium,
            title: "Switch Remote Desktop on",
            steps: &[
                "PS> Set-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server' fDenyTSConnections 0",
                "PS> Enable-NetFirewallRule -Name 'RemoteDesktop-UserMode-In-TCP'",
            ],
            interrupts: "nothing; the machine can be reached from then on",
            undo: &[
                "PS> Set-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server' fDenyTSConnections 1",
            ],
            verify: "rdpdoctor check {target} gets an answer",
        },
        Remedy {
            id: "ask-for-the-policy",
            place: Where::Policy,
            risk: Risk::Medium,
            title: "Where a policy switched it off, have the policy changed",
            steps: &[
                "PS> gpresult /scope computer /h gp.html   (it names the policy)",
                "Computer Configuration, Administrative Templates, Windows Components, Remote Desktop Services, Remote Desktop Session Host, Connections: Allow users to connect remotely by using Remote Desktop Services",
            ],
            interrupts: "nothing",
            undo: &["Set the policy back to what it was"],
            verify: "PS> gpupdate /target:computer, then rdpdoctor host finds it no longer",
        },
    ],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/rdp-error-general-troubleshooting",
    ],
    client_shows: &[],
    more_specific_than: &[CauseId("host.listener-missing")],
    reproduction: Reproduction::Test("host_facts"),
    next_tests: &[],
    rule,
};

/// What is changed: the machine's own switch. A policy's is not a program's to change.
pub static MEND: Mend = Mend {
    cause: CAUSE.id,
    remedy: "switch-on",
    changes: |evidence| {
        let host = Machine::host(evidence);
        let off = host.number(SERVER, SWITCH) == Some(1);
        let change = Change::RegistryValue {
            key: SERVER.to_owned(),
            name: SWITCH.to_owned(),
            data: Some(RegistryData::Dword(0)),
        };
        off.then_some(change).into_iter().collect()
    },
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let setting = Machine::host(evidence).effective(POLICY, SERVER, SWITCH)?;
    (setting.data.number() == Some(1)).then(|| {
        let found = Match::new(Severity::Blocking, Proof::Proven, [setting.id.clone()]);
        if setting.is_managed() {
            found.titled("A policy switched Remote Desktop off on {host}")
        } else {
            found
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{CAUSE, POLICY, SERVER, SWITCH};
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    #[test]
    fn the_switch_and_the_policy_over_it() {
        let off = Scene::new().host_number(SERVER, SWITCH, Some(1));
        let found = off.judge(&CAUSE).expect("it is off");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));

        let by_policy =
            Scene::new().host_number(SERVER, SWITCH, Some(0)).host_number(POLICY, SWITCH, Some(1));
        let found = by_policy.judge(&CAUSE).expect("the policy wins");
        assert!(found.title.is_some_and(|title| title.contains("policy")));

        let against =
            Scene::new().host_number(SERVER, SWITCH, Some(1)).host_number(POLICY, SWITCH, Some(0));
        assert_eq!(against.judge(&CAUSE), None);
        assert_eq!(Scene::new().host_number(SERVER, SWITCH, Some(0)).judge(&CAUSE), None);
        assert_eq!(Scene::new().host_number(SERVER, SWITCH, None).judge(&CAUSE), None);
        assert_eq!(Scene::new().judge(&CAUSE), None);
    }
}
