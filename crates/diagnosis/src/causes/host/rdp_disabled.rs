//! Remote Desktop is switched off.

use rdpdoctor_model::{CauseId, Change, RegistryData, Stage};

use crate::host_view::leading;
use crate::machine::{LISTENER, Machine, POLICY, SERVER, Setting};
use crate::mend::Mend;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

const SWITCH: &str = "fDenyTSConnections";

/// `host.rdp-disabled`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.rdp-disabled"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "Remote Desktop is switched off on {host}",
    explanation: "A value in its registry says so: Windows takes no Remote Desktop connection, or lets nobody sign in. A policy's value wins over the machine's own switch.",
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
                "Where another value is named above, set it back; the listener's stand in WinStations\\RDP-Tcp: PS> Set-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server' TSUserEnabled 0",
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
    more_specific_than: &[
        CauseId("host.listener-missing"),
        CauseId("host.service-stopped"),
        CauseId("host.firewall-blocks"),
        CauseId("net.refused"),
        CauseId("net.no-answer"),
        CauseId("net.port-blocked"),
    ],
    reproduction: Reproduction::Test("host_facts"),
    next_tests: &[],
    rule,
};

/// A value that keeps everybody out, and what it is when it does not.
struct Switch {
    key: &'static str,
    name: &'static str,
    off: u32,
    on: u32,
    /// Whether nothing listens then; otherwise connections are taken and sign-ins are not.
    closes: bool,
    words: &'static str,
}

/// The names mislead: TSUserEnabled and fLogonDisabled forbid when they are 1.
static SWITCHES: &[Switch] = &[
    Switch {
        key: SERVER,
        name: SWITCH,
        off: 1,
        on: 0,
        closes: true,
        words: "fDenyTSConnections is 1",
    },
    Switch { key: SERVER, name: "TSEnabled", off: 0, on: 1, closes: true, words: "TSEnabled is 0" },
    Switch {
        key: LISTENER,
        name: "fEnableWinStation",
        off: 0,
        on: 1,
        closes: true,
        words: "fEnableWinStation of the listener is 0",
    },
    Switch {
        key: LISTENER,
        name: "fLogonDisabled",
        off: 1,
        on: 0,
        closes: false,
        words: "fLogonDisabled of the listener is 1: it takes connections, and nobody can sign in",
    },
    Switch {
        key: SERVER,
        name: "TSUserEnabled",
        off: 1,
        on: 0,
        closes: false,
        words: "TSUserEnabled is 1, which forbids users to sign in",
    },
];

impl Switch {
    /// The machine's own value, where it keeps everybody out.
    fn own<'a>(&self, host: &Machine<'_, 'a>) -> Option<Setting<'a>> {
        let setting = host.setting(self.key, self.name)?;
        (setting.data.number() == Some(u64::from(self.off))).then_some(setting)
    }

    /// The value that counts: a policy has one of fDenyTSConnections alone.
    fn counting<'a>(&self, host: &Machine<'_, 'a>) -> Option<Setting<'a>> {
        let policy = (self.name == SWITCH).then(|| host.setting(POLICY, SWITCH)).flatten();
        match policy {
            Some(setting) => {
                (setting.data.number() == Some(u64::from(self.off))).then_some(setting)
            }
            None => self.own(host),
        }
    }
}

/// What is changed: the machine's own switches. A policy's is not a program's to change.
pub static MEND: Mend = Mend {
    cause: CAUSE.id,
    remedy: "switch-on",
    changes: |evidence| {
        let host = Machine::host(evidence);
        let off = SWITCHES.iter().filter(|switch| switch.own(&host).is_some());
        off.map(|switch| Change::RegistryValue {
            key: switch.key.to_owned(),
            name: switch.name.to_owned(),
            data: Some(RegistryData::Dword(switch.on)),
        })
        .collect()
    },
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let off = |switch: &'static Switch| Some((switch, switch.counting(&host)?));
    let off: Vec<_> = SWITCHES.iter().filter_map(off).collect();
    let (first, setting) = off.first()?;
    let proof = if first.closes { Proof::Proven } else { Proof::Likely };
    let ids = off.iter().map(|(_, setting)| setting.id.clone());
    let words: Vec<&str> = off.iter().map(|(switch, _)| switch.words).collect();
    let found = Match::new(Severity::Blocking, proof, ids)
        .managed(setting.is_managed())
        .detailed(format!("Here: {}.", words.join("; ")));
    let found = match (setting.is_managed(), first.name) {
        (true, _) => found.titled("A policy switched Remote Desktop off on {host}"),
        (false, SWITCH) => found,
        (false, _) if first.closes => found.titled("The Remote Desktop listener is off on {host}"),
        (false, _) => found.titled("{host} lets nobody sign in by Remote Desktop"),
    };
    // What lets nobody sign in does not close the port.
    Some(if first.closes { leading(evidence, &CAUSE, found) } else { found })
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Change, ConnectFailure, RegistryData, Stage};

    use super::{CAUSE, LISTENER, MEND, POLICY, SERVER, SWITCH};
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

    #[test]
    fn every_other_switch_and_its_way_back() {
        for (key, name, off, proof) in [
            (SERVER, "TSEnabled", 0, Proof::Proven),
            (LISTENER, "fEnableWinStation", 0, Proof::Proven),
            (LISTENER, "fLogonDisabled", 1, Proof::Likely),
            (SERVER, "TSUserEnabled", 1, Proof::Likely),
        ] {
            let scene = Scene::new().host_number(key, name, Some(off));
            let found = scene.judge(&CAUSE).expect(name);
            assert_eq!((found.severity, found.proof), (Severity::Blocking, proof), "{name}");
            let changes = scene.with_evidence(MEND.changes);
            let data = Some(RegistryData::Dword(1 - off));
            let (key, name) = (key.to_owned(), name.to_owned());
            assert_eq!(changes, [Change::RegistryValue { key, name: name.clone(), data }]);
            let on = Scene::new().host_number(LISTENER, &name, Some(1 - off));
            assert_eq!(on.judge(&CAUSE), None, "{name}");
        }
        assert_eq!(Scene::new().host_unread(SERVER, SWITCH).judge(&CAUSE), None);
    }

    #[test]
    fn a_policy_is_nobodys_to_change_here() {
        let by_policy =
            Scene::new().host_number(SERVER, SWITCH, Some(0)).host_number(POLICY, SWITCH, Some(1));
        assert_eq!(by_policy.with_evidence(MEND.changes), []);
        assert!(by_policy.judge(&CAUSE).is_some_and(|found| found.managed));
    }

    #[test]
    fn it_leads_what_was_seen_from_outside() {
        let off = || Scene::new().host_number(SERVER, SWITCH, Some(1));
        let found = off().refused("10.0.0.1:3389").judge(&CAUSE);
        assert_eq!(found.and_then(|found| found.stage), Some(Stage::Tcp));
        let found = off().not_connected("10.0.0.1:3389", ConnectFailure::Timeout).judge(&CAUSE);
        assert_eq!(found.and_then(|found| found.stage), Some(Stage::Tcp));
        assert_eq!(off().judge(&CAUSE).and_then(|found| found.stage), None);
    }
}
