//! The client is set to use no UDP.

use rdpdoctor_model::{CauseId, Stage};

use crate::machine::Machine;
use crate::machine_facts::{CLIENT, Point, matched, number};
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `client.udp-policy`
pub static CAUSE: Cause = Cause {
    id: CauseId("client.udp-policy"),
    stage: Stage::Client,
    owner: Owner::Client,
    title: "This client is set to use TCP only",
    explanation: "Remote Desktop connects by TCP and adds UDP where that passes, which feels faster on a lossy path. This client is set not to try. Sessions work; the setting is also what people use when UDP breaks on the way.",
    excludes: &[],
    remedies: &[
        Remedy {
            id: "let-it-try-again",
            place: Where::Client,
            risk: Risk::Low,
            title: "Where nobody needs it any more, take the setting away",
            steps: &[
                "PS> Remove-ItemProperty 'HKLM:\\SOFTWARE\\Microsoft\\Terminal Server Client' DisableUDPTransport",
                "PS> Remove-ItemProperty 'HKLM:\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\Terminal Services\\Client' fClientDisableUDP",
            ],
            interrupts: "nothing; it counts from the next connection",
            undo: &[
                "PS> New-ItemProperty 'HKLM:\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\Terminal Services\\Client' fClientDisableUDP -Value 1 -PropertyType DWord -Force",
            ],
            verify: "the connection bar of mstsc says that UDP is in use",
        },
        Remedy {
            id: "ask-for-the-policy",
            place: Where::Policy,
            risk: Risk::Low,
            title: "Where a policy set it, have the policy changed",
            steps: &[
                "Computer Configuration, Administrative Templates, Windows Components, Remote Desktop Services, Remote Desktop Connection Client: Turn Off UDP On Client",
            ],
            interrupts: "nothing",
            undo: &["Set the policy back to what it was"],
            verify: "PS> gpupdate /target:computer, then rdpdoctor client finds it no longer",
        },
    ],
    references: &[
        "https://learn.microsoft.com/en-us/windows/client-management/mdm/policy-csp-admx-terminalserver",
        "MS-RDPEMT 1.3",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("facts_of_broken_clients"),
    next_tests: &[],
    rule,
};

const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services\Client";

/// Where it can be switched off.
const SWITCHES: [(&str, &str); 2] =
    [(POLICY, "fClientDisableUDP"), (CLIENT, "DisableUDPTransport")];

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let client = Machine::client(evidence);
    let points = SWITCHES.iter().filter_map(|(key, name)| {
        let (setting, _) = number(&client, key, name).filter(|(_, set)| *set == 1)?;
        let words = format!("{name} is 1.");
        Some(Point::of_setting(Severity::Info, Proof::Proven, &setting, CAUSE.title, &words))
    });
    matched(points.collect())
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Lookup, RegistryData, Stage};

    use super::CAUSE;
    use crate::Severity;
    use crate::testing::Scene;

    fn scene(key: &str, name: &str, data: Lookup<u32>) -> Scene {
        let data = data.map_seen(RegistryData::Dword);
        Scene::new().machine_value(Stage::Client, key, name, data)
    }

    #[test]
    fn both_switches() {
        for (key, name) in super::SWITCHES {
            let found = |data| scene(key, name, data).judge(&CAUSE).map(|found| found.severity);
            assert_eq!(found(Lookup::seen(1)), Some(Severity::Info), "{name}");
            assert_eq!(found(Lookup::seen(0)), None);
            assert_eq!((found(Lookup::Absent), found(Lookup::unavailable("denied"))), (None, None));
        }
    }
}
