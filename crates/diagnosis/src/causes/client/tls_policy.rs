//! The client's settings for TLS and certificates keep it from hosts.

use rdpdoctor_model::{CauseId, Change, Fact, ObservationId, Stage};

use crate::host_view::{leading, seen_past};
use crate::machine::{Machine, POLICY, Setting};
use crate::machine_facts::{CLIENT, OWN_CLIENT, Point, build, matched, number, text};
use crate::mend::Mend;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `client.tls-policy`
pub static CAUSE: Cause = Cause {
    id: CauseId("client.tls-policy"),
    stage: Stage::Client,
    owner: Owner::Client,
    title: "TLS on this client is set so that hosts cannot be reached",
    explanation: "The client offers the versions and suites of TLS that its settings leave, and a host takes one of them or hangs up. Which certificates it takes is a setting of its own. Here one of them is narrower, or wider, than Windows has it by itself.",
    excludes: &["password, account"],
    remedies: &[
        Remedy {
            id: "give-tls-12-back",
            place: Where::Client,
            risk: Risk::Low,
            title: "Leave TLS 1.2 to Windows again, which has it on",
            steps: &[
                "PS> reg export 'HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL' C:\\schannel.reg",
                "PS> Remove-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL\\Protocols\\TLS 1.2\\Client' Enabled, DisabledByDefault -ErrorAction SilentlyContinue",
                "Restart the machine.",
            ],
            interrupts: "the restart",
            undo: &["PS> reg import C:\\schannel.reg"],
            verify: "rdpdoctor client finds it no longer, and mstsc gets past the encryption",
        },
        Remedy {
            id: "ask-for-the-policy",
            place: Where::Policy,
            risk: Risk::Medium,
            title: "Where a policy set it, have the policy changed",
            steps: &[
                "Computer Configuration, Administrative Templates, Network, SSL Configuration Settings: SSL Cipher Suite Order",
                "Computer Configuration, Administrative Templates, Windows Components, Remote Desktop Services, Remote Desktop Connection Client: Configure server authentication for client: Warn me if authentication fails",
                "Better than to take every certificate: give the host one of a CA that the client trusts.",
            ],
            interrupts: "nothing",
            undo: &["Set the policy back to what it was"],
            verify: "PS> gpupdate /target:computer, then rdpdoctor client finds it no longer",
        },
    ],
    references: &[
        "https://learn.microsoft.com/en-us/windows-server/security/tls/tls-registry-settings",
        "https://learn.microsoft.com/en-us/windows/client-management/mdm/policy-csp-admx-terminalserver",
    ],
    client_shows: &[],
    more_specific_than: &[
        CauseId("tls.no-common-version"),
        CauseId("tls.no-common-cipher"),
        CauseId("tls.malformed"),
        CauseId("tls.alert"),
        CauseId("tls.closed"),
        CauseId("tls.private-key-unavailable"),
    ],
    reproduction: Reproduction::Test("facts_of_broken_clients"),
    next_tests: &[],
    rule,
};

const PROTOCOLS: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols";
const SUITES: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Cryptography\Configuration\SSL\00010002";

/// The first builds with TLS 1.3 in Schannel: Windows Server 2022, then Windows 11.
const TLS_13_SINCE: u32 = 20348;

/// What is changed: TLS 1.2 is left to Windows again. Older versions stay as they are.
pub static MEND: Mend = Mend {
    cause: CAUSE.id,
    remedy: "give-tls-12-back",
    changes: |evidence| {
        let client = Machine::client(evidence);
        let key = format!(r"{PROTOCOLS}\TLS 1.2\Client");
        let off = [("Enabled", 0), ("DisabledByDefault", 1)].into_iter().filter(|(name, bad)| {
            number(&client, &key, name)
                .is_some_and(|(setting, set)| !setting.is_managed() && (set == 0) == (*bad == 0))
        });
        off.map(|(name, _)| {
            let (key, name) = (key.clone(), name.to_owned());
            Change::RegistryValue { key, name, data: None }
        })
        .collect()
    },
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let client = Machine::client(evidence);
    let settings = [versions(&client), suites(&client), certificates(&client), override_(&client)];
    let refused = refused(evidence);
    let met = refused.is_some();
    let found = matched(refused.into_iter().chain(settings.into_iter().flatten()).collect())?;
    // Settings alone explain nothing that another library met.
    Some(if met {
        leading(evidence, &CAUSE, found).at_stage(Stage::Tls)
    } else {
        seen_past(evidence, Stage::Tls, found)
    })
}

/// The TLS of this system failed, and one that goes by no setting of it agreed with the same host.
fn refused(evidence: &Evidence<'_>) -> Option<Point> {
    let tried = evidence.main_path(|fact| match fact {
        Fact::SystemTls(system) => Some(system),
        _ => None,
    });
    let seen = tried.into_iter().next_back().filter(|_| !evidence.tls_established())?;
    let suite = seen.value.other.as_seen()?;
    let number = seen.value.code.map_or_else(String::new, |code| format!(" ({code:#010x})"));
    let title = "This client's own TLS does not agree with {host}, and another one does";
    let words = format!(
        "{} of this machine, which the Remote Desktop client goes by, failed{number}; a library that goes by no setting of this machine agreed to {suite} a moment later.",
        seen.value.library
    );
    Some(Point::new(Severity::Blocking, Proof::Likely, [seen.id()], title, words))
}

/// The setting that switches a version off, if one does.
fn off<'a>(client: &Machine<'_, 'a>, version: &str) -> Option<Setting<'a>> {
    let key = format!(r"{PROTOCOLS}\TLS {version}\Client");
    let disabled = number(client, &key, "Enabled").filter(|(_, on)| *on == 0);
    let by_default = number(client, &key, "DisabledByDefault").filter(|(_, off)| *off != 0);
    disabled.or(by_default).map(|(setting, _)| setting)
}

fn versions(client: &Machine<'_, '_>) -> Option<Point> {
    let newest = off(client, "1.2")?;
    let older: Vec<_> = ["1.0", "1.1"].iter().filter_map(|version| off(client, version)).collect();
    let windows = build(client);
    let has_13 = windows.as_ref().map(|windows| windows.number >= TLS_13_SINCE);
    let off_13 = off(client, "1.3");
    let no_13 = off_13.is_some() || has_13 == Some(false);
    let mut ids: Vec<ObservationId> = vec![newest.id.clone()];
    if older.len() == 2 && no_13 {
        ids.extend(older.iter().chain(&off_13).map(|setting| setting.id.clone()));
        ids.extend(windows.map(|windows| windows.id));
        let title = "Every version of TLS is switched off on this client";
        let words = "TLS 1.0 to 1.2 are switched off in Schannel, and there is no TLS 1.3.";
        return Some(Point::new(Severity::Blocking, Proof::Proven, ids, title, words));
    }
    let title = "TLS 1.2 is switched off on this client";
    let words = "TLS 1.2 is switched off in Schannel; hosts before Windows Server 2022 and Windows 11 have nothing newer.";
    Some(Point::of_setting(Severity::Warning, Proof::Proven, &newest, title, words))
}

/// A policy's list that has nothing for TLS 1.2, or nothing at all.
fn suites(client: &Machine<'_, '_>) -> Option<Point> {
    let (setting, list) = text(client, SUITES, "Functions")?;
    let names: Vec<&str> = list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let of_12 = names.iter().any(|name| {
        let name = name.to_ascii_uppercase();
        // TLS 1.3 names no key exchange (RFC 8446 B.4).
        name.starts_with("TLS_ECDHE_")
            || name.starts_with("TLS_DHE_")
            || name.starts_with("TLS_RSA_")
    });
    if of_12 || names.is_empty() {
        return None;
    }
    let title = "A policy leaves this client no suite of TLS 1.2";
    let words = "The policy's list of suites has none of TLS 1.2; hosts before Windows Server 2022 and Windows 11 have nothing newer.";
    Some(Point::of_setting(Severity::Warning, Proof::Likely, &setting, title, words))
}

/// AuthenticationLevel: 0 takes whoever answers, 1 takes only who is trusted, 2 asks. What 1 stands for
/// is not on the page that was read.
fn certificates(client: &Machine<'_, '_>) -> Option<Point> {
    let (setting, level) = number(client, POLICY, "AuthenticationLevel")?;
    let (proof, title, words) = match level {
        0 => (
            Proof::Proven,
            "A policy lets this client connect to whoever answers",
            "AuthenticationLevel is 0: nobody is asked when the host does not prove who it is.",
        ),
        1 => (
            Proof::Likely,
            "A policy lets this client refuse every host whose certificate it does not trust",
            "AuthenticationLevel is 1: a host with the certificate that Windows makes for itself is refused.",
        ),
        _ => return None,
    };
    Some(Point::of_setting(Severity::Warning, proof, &setting, title, words))
}

fn override_(client: &Machine<'_, '_>) -> Option<Point> {
    let name = "AuthenticationLevelOverride";
    let (setting, _) = [OWN_CLIENT, CLIENT]
        .into_iter()
        .find_map(|key| number(client, key, name))
        .filter(|(_, level)| *level == 0)?;
    let title = "This client does not ask when a host cannot prove who it is";
    let words = "AuthenticationLevelOverride is 0.";
    Some(Point::of_setting(Severity::Info, Proof::Likely, &setting, title, words))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Awaited, Change, Fact, Lookup, RegistryData, Stage, SystemTls};

    use super::{CAUSE, MEND, POLICY, PROTOCOLS, SUITES};
    use crate::machine_facts::VERSION;
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    fn set(scene: Scene, key: &str, name: &str, data: RegistryData) -> Scene {
        scene.machine_value(Stage::Client, key, name, Lookup::seen(data))
    }

    fn version(scene: Scene, version: &str, name: &str, number: u32) -> Scene {
        let key = format!(r"{PROTOCOLS}\TLS {version}\Client");
        set(scene, &key, name, RegistryData::Dword(number))
    }

    fn judged(scene: &Scene) -> Option<(Severity, Proof)> {
        scene.judge(&CAUSE).map(|found| (found.severity, found.proof))
    }

    #[test]
    fn the_system_fails_where_another_library_agrees() {
        let failed = |other: Lookup<String>| {
            let library = "Schannel".to_owned();
            let code = Some(0x8009_0331);
            let fact = Fact::SystemTls(SystemTls { library, code, other });
            Scene::negotiated(2).alert(70, Awaited::ServerHello).fact(Stage::Tls, fact)
        };
        let agreed = || Lookup::seen("ECDHE-RSA-AES256-SHA".to_owned());
        let found = failed(agreed()).judge(&CAUSE).unwrap();
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Likely));
        // It goes in front of what the same alert says by itself.
        assert_eq!(found.stage, Some(Stage::Tls));
        assert!(found.detail.unwrap().contains("0x80090331"));
        assert_eq!(failed(Lookup::Absent).judge(&CAUSE), None, "the server refuses everybody");
        assert_eq!(failed(Lookup::unavailable("not asked")).judge(&CAUSE), None);
        assert_eq!(failed(agreed()).established(0x0303).judge(&CAUSE), None, "the second try");
    }

    #[test]
    fn versions_that_are_off() {
        let windows = |build: &str| {
            let data = RegistryData::Text(build.to_owned());
            set(Scene::new(), VERSION, "CurrentBuildNumber", data)
        };
        let no_12 = |build| version(windows(build), "1.2", "Enabled", 0);
        assert_eq!(judged(&no_12("19045")), Some((Severity::Warning, Proof::Proven)));
        let none = |build| {
            version(version(no_12(build), "1.0", "Enabled", 0), "1.1", "DisabledByDefault", 1)
        };
        assert_eq!(judged(&none("19045")), Some((Severity::Blocking, Proof::Proven)));
        assert_eq!(judged(&none("22631")), Some((Severity::Warning, Proof::Proven)), "has 1.3");
        let old = version(version(windows("19045"), "1.0", "Enabled", 0), "1.1", "Enabled", 0);
        assert_eq!(judged(&old), None, "as it should be");
        assert_eq!(judged(&version(windows("19045"), "1.2", "Enabled", 0xFFFF_FFFF)), None);
        let changes = no_12("19045").with_evidence(|evidence| (MEND.changes)(evidence));
        assert!(matches!(changes.as_slice(), [Change::RegistryValue { data: None, .. }]));
    }

    #[test]
    fn a_version_that_nobody_could_read() {
        let key = format!(r"{PROTOCOLS}\TLS 1.2\Client");
        let unread = Lookup::unavailable("access denied");
        let scene = Scene::new().machine_value(Stage::Client, &key, "Enabled", unread);
        assert_eq!(judged(&scene), None);
        assert!(scene.with_evidence(|evidence| (MEND.changes)(evidence)).is_empty());
    }

    #[test]
    fn lists_of_suites() {
        let list = |names: &str| {
            let data = RegistryData::Text(names.to_owned());
            judged(&set(Scene::new(), SUITES, "Functions", data))
        };
        assert_eq!(list("TLS_AES_256_GCM_SHA384"), Some((Severity::Warning, Proof::Likely)));
        assert_eq!(list("TLS_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"), None);
        assert_eq!(list(""), None);
    }

    #[test]
    fn levels_of_authentication() {
        let level = |level| {
            let data = RegistryData::Dword(level);
            judged(&set(Scene::new(), POLICY, "AuthenticationLevel", data))
        };
        assert_eq!(level(0), Some((Severity::Warning, Proof::Proven)));
        assert_eq!(level(1), Some((Severity::Warning, Proof::Likely)));
        assert_eq!(level(2), None);
    }
}
