//! A session host has no licensing set up, and its grace period is over or will be.

use rdpdoctor_model::{CauseId, Fact, Lookup, ObservationId, Stage};

use crate::machine::{Machine, POLICY, SERVER};
use crate::machine_facts::{number, subkeys, text, values};
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `host.license-grace-expired`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.license-grace-expired"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "The licensing grace period of {host} is over, and no licensing is set up",
    explanation: "A host with the role Remote Desktop Session Host works 120 days without licences. Behind them it refuses every session but those for administration, unless a licensing mode and a licence server are set. Removing what counts the days breaks the licence terms, and the days end again.",
    excludes: &["network, certificate, password"],
    remedies: &[
        Remedy {
            id: "set-mode-and-server",
            place: Where::Policy,
            risk: Risk::Medium,
            title: "Set the licensing mode and the licence server that were bought",
            steps: &[
                "Until then sign in for administration: $ mstsc /v:{host} /admin",
                "PS> $s = Get-CimInstance -Namespace root/cimv2/TerminalServices Win32_TerminalServiceSetting; $s.LicensingType; Invoke-CimMethod $s GetSpecifiedLicenseServerList",
                "Computer Configuration, Administrative Templates, Windows Components, Remote Desktop Services, Remote Desktop Session Host, Licensing: set the mode and the servers. PS> gpupdate /target:computer",
            ],
            interrupts: "nothing",
            undo: &["Set both policies back to what they were"],
            verify: "rdpdoctor host finds it no longer, and a user who is no administrator opens a session",
        },
        Remedy {
            id: "take-the-role-off",
            place: Where::Host,
            risk: Risk::High,
            title: "Where the role is not needed, take it off: two sessions for administration are free",
            steps: &["PS> Uninstall-WindowsFeature RDS-RD-Server -Restart"],
            interrupts: "the machine restarts, every session ends",
            undo: &["PS> Install-WindowsFeature RDS-RD-Server -Restart"],
            verify: "rdpdoctor check {target} reaches the sign-in",
        },
    ],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/remote-desktop-licensing-mode-not-configured-warning",
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/cannot-connect-rds-no-license-server",
    ],
    client_shows: &[],
    more_specific_than: &[CauseId("license.grace-expired")],
    reproduction: Reproduction::Test("facts_of_broken_hosts"),
    next_tests: &[],
    rule,
};

const LICENSING: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\RCM\Licensing Core";
const GRACE: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\RCM\GracePeriod";
const SERVERS: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Services\TermService\Parameters\LicenseServers";
const MODE: &str = "LicensingMode";

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let role = role(&host)?;
    let (unset, what) = not_set_up(&host)?;
    let days = host.last(|fact| match fact {
        Fact::LicenseGrace { days } => days.as_seen().copied(),
        _ => None,
    });
    let mut ids = vec![role];
    ids.extend(unset);
    ids.extend(days.as_ref().map(crate::Seen::id));
    let found = |severity, proof| Match::new(severity, proof, ids);
    Some(match days.map(|seen| seen.value) {
        Some(0) => found(Severity::Blocking, Proof::Proven).detailed(what),
        Some(days) => found(Severity::Warning, Proof::Proven)
            .titled(format!("The licensing grace period of {{host}} ends in {days} days"))
            .detailed(what),
        None => found(Severity::Warning, Proof::Likely)
            .titled("{host} is a session host without licensing: it will refuse sessions")
            .detailed(format!("{what} How many days are left could not be read.")),
    })
}

/// What says that the role is there: without it nothing is counted. The value's name is what tools
/// use, and no page of the vendor's has it; the key alone stays behind when the role goes.
fn role(host: &Machine<'_, '_>) -> Option<ObservationId> {
    match number(host, SERVER, "TSAppCompat") {
        Some((setting, mode)) => (mode == 1).then_some(setting.id),
        None => {
            let grace = subkeys(host, GRACE)?;
            matches!(grace.value, Lookup::Seen { .. }).then(|| grace.id())
        }
    }
}

/// What is missing, with the observations that say so. 2 is per device, 4 per user.
fn not_set_up(host: &Machine<'_, '_>) -> Option<(Vec<ObservationId>, &'static str)> {
    let mode = host.effective(POLICY, LICENSING, MODE);
    match mode.as_ref().map(|setting| (setting, setting.data.number())) {
        Some((_, Some(2 | 4))) => {}
        Some((setting, _)) => {
            return Some((vec![setting.id.clone()], "No licensing mode is set."));
        }
        None => {
            // Both places have to be looked at before it can be said that it is in neither.
            let looked = host.is_absent(POLICY, MODE) && host.is_absent(LICENSING, MODE);
            let ids = [host.value(POLICY, MODE), host.value(LICENSING, MODE)];
            let ids = ids.iter().flatten().map(crate::Seen::id).collect();
            return looked.then_some((ids, "No licensing mode is set."));
        }
    }
    let by_policy = text(host, POLICY, "LicenseServers").is_some();
    let own = values(host, SERVERS);
    let named = own.iter().any(|seen| {
        seen.value.texts().is_some_and(|all| all.iter().any(|name| !name.trim().is_empty()))
    });
    let key = subkeys(host, SERVERS)?;
    let looked = host.is_absent(POLICY, "LicenseServers")
        && !matches!(key.value, Lookup::Unavailable { .. });
    (looked && !by_policy && !named).then(|| (vec![key.id()], "No licence server is named."))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, Lookup, RegistryData, RegistryKey, Stage};

    use super::{CAUSE, LICENSING, MODE, POLICY, SERVER, SERVERS};
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    fn session_host(mode: Option<u32>) -> Scene {
        Scene::new()
            .host_number(SERVER, "TSAppCompat", Some(1))
            .host_number(POLICY, MODE, None)
            .host_number(LICENSING, MODE, mode)
    }

    fn days(scene: Scene, days: Lookup<u32>) -> Option<(Severity, Proof)> {
        let found = scene.fact(Stage::Host, Fact::LicenseGrace { days }).judge(&CAUSE);
        found.map(|found| (found.severity, found.proof))
    }

    #[test]
    fn days_that_are_over_and_days_that_are_left() {
        let blocked = Some((Severity::Blocking, Proof::Proven));
        assert_eq!(days(session_host(Some(5)), Lookup::seen(0)), blocked);
        assert_eq!(days(session_host(None), Lookup::seen(0)), blocked);
        let warned = Some((Severity::Warning, Proof::Proven));
        assert_eq!(days(session_host(Some(5)), Lookup::seen(17)), warned);
        let unread = days(session_host(Some(5)), Lookup::unavailable("a disk"));
        assert_eq!(unread, Some((Severity::Warning, Proof::Likely)));
    }

    #[test]
    fn a_licensed_host_and_one_without_the_role() {
        let servers = |name: &str| {
            session_host(Some(4))
                .machine_value(Stage::Host, POLICY, "LicenseServers", Lookup::Absent)
                .fact(
                    Stage::Host,
                    Fact::RegistryKey(Box::new(RegistryKey {
                        key: SERVERS.to_owned(),
                        subkeys: Lookup::seen(Vec::new()),
                        values: Some(1),
                    })),
                )
                .machine_value(
                    Stage::Host,
                    SERVERS,
                    "SpecifiedLicenseServers",
                    Lookup::seen(RegistryData::Texts(vec![name.to_owned()])),
                )
        };
        assert_eq!(days(servers("lic1"), Lookup::seen(0)), None);
        assert!(days(servers(""), Lookup::seen(0)).is_some(), "none is named");
        let none = Scene::new().host_number(SERVER, "TSAppCompat", Some(0));
        assert_eq!(days(none.host_number(LICENSING, MODE, Some(5)), Lookup::seen(0)), None);
    }

    #[test]
    fn a_mode_that_nobody_could_read() {
        let unread = || Lookup::unavailable("access denied");
        let scene = Scene::new()
            .host_number(SERVER, "TSAppCompat", Some(1))
            .machine_value(Stage::Host, POLICY, MODE, unread())
            .machine_value(Stage::Host, LICENSING, MODE, unread());
        assert_eq!(days(scene, Lookup::seen(0)), None);
    }
}
