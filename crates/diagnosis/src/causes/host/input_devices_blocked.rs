//! The keyboard and mouse of sessions cannot be made.

use rdpdoctor_model::{CauseId, Lookup, Stage};

use crate::machine::Machine;
use crate::machine_facts::{Point, matched, number, subkeys, values};
use crate::{
    Cause, Evidence, Match, NextTest, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
};

/// `host.input-devices-blocked`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.input-devices-blocked"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "{host} may not make the keyboard and mouse of a session",
    explanation: "Each session gets a keyboard and a mouse of its own (TS_INPT), which Windows installs when the session begins. A policy that forbids the installation of devices, or a driver list without them, leaves a session that takes no input, or none at all.",
    excludes: &["network, certificate, password"],
    remedies: &[Remedy {
        id: "except-the-input-devices",
        place: Where::Policy,
        risk: Risk::Medium,
        title: "Except the input devices of sessions from the policy",
        steps: &[
            "Computer Configuration, Administrative Templates, System, Device Installation, Device Installation Restrictions: allow the ids TS_INPT\\TS_KBD and TS_INPT\\TS_MOU, or the setup classes of keyboard and mouse",
            "Where the drivers themselves are missing: PS> dism /online /cleanup-image /restorehealth",
            "Restart the machine when nobody works on it.",
        ],
        interrupts: "the restart ends every session",
        undo: &["Set the policy back to what it was"],
        verify: "rdpdoctor host finds it no longer, and a session takes input",
    }],
    references: &[
        "https://learn.microsoft.com/en-us/windows/client-management/client-tools/manage-device-installation-with-group-policy",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("facts_of_broken_hosts"),
    next_tests: &[NextTest {
        why: "whether a session opens and stays: tells it from the sign-in",
        command: "rdpdoctor check {target} -u <user> --desktop picture.png",
    }],
    rule,
};

const RESTRICTIONS: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\DeviceInstall\Restrictions";
const CLASSES: &str =
    r"HKLM\SOFTWARE\Policies\Microsoft\Windows\DeviceInstall\Restrictions\DenyDeviceClasses";
const DRIVERS: &str = r"HKLM\SYSTEM\DriverDatabase\DeviceIds\TS_INPT";

/// The setup classes Keyboard and Mouse (devguid.h).
const INPUT: &[&str] =
    &["4d36e96b-e325-11ce-bfc1-08002be10318", "4d36e96f-e325-11ce-bfc1-08002be10318"];

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let points = [unspecified(&host), classes(&host), drivers(&host)];
    matched(points.into_iter().flatten().collect())
}

fn unspecified(host: &Machine<'_, '_>) -> Option<Point> {
    let (setting, _) =
        number(host, RESTRICTIONS, "DenyUnspecified").filter(|(_, set)| *set == 1)?;
    let words = "DenyUnspecified is 1: devices that no other policy names are not installed.";
    let title = CAUSE.title;
    Some(Point::of_setting(Severity::Warning, Proof::Possible, &setting, title, words))
}

fn classes(host: &Machine<'_, '_>) -> Option<Point> {
    number(host, RESTRICTIONS, "DenyDeviceClasses").filter(|(_, set)| *set == 1)?;
    let denied = values(host, CLASSES);
    let class = denied.iter().find(|seen| {
        let text = seen.value.text().unwrap_or_default().to_ascii_lowercase();
        INPUT.iter().any(|class| text.contains(class))
    })?;
    let words = "The class of keyboards or mice is among those that may not be installed.";
    Some(Point::new(Severity::Warning, Proof::Likely, [class.id()], CAUSE.title, words))
}

/// New builds may keep the list elsewhere, so that a missing key alone says nothing.
fn drivers(host: &Machine<'_, '_>) -> Option<Point> {
    let listed = subkeys(host, DRIVERS)?;
    let Lookup::Seen { value: names } = listed.value else { return None };
    let has = |wanted: &str| names.iter().any(|name| name.eq_ignore_ascii_case(wanted));
    let words = "The list of drivers has no entry for the keyboard or the mouse of sessions.";
    let missing = !has("TS_KBD") || !has("TS_MOU");
    missing.then(|| Point::new(Severity::Warning, Proof::Likely, [listed.id()], CAUSE.title, words))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, Lookup, RegistryData, RegistryKey, Stage};

    use super::{CAUSE, CLASSES, DRIVERS, RESTRICTIONS};
    use crate::Proof;
    use crate::testing::Scene;

    #[test]
    fn policies_for_devices() {
        let unspecified = |n| Scene::new().host_number(RESTRICTIONS, "DenyUnspecified", n);
        assert!(unspecified(Some(1)).judge(&CAUSE).is_some());
        assert_eq!(unspecified(Some(0)).judge(&CAUSE), None);
        assert_eq!(unspecified(None).judge(&CAUSE), None);
        let class = |class: &str, on| {
            Scene::new()
                .host_number(RESTRICTIONS, "DenyDeviceClasses", Some(on))
                .machine_value(
                    Stage::Host,
                    CLASSES,
                    "1",
                    Lookup::seen(RegistryData::Text(class.to_owned())),
                )
                .judge(&CAUSE)
                .map(|found| found.proof)
        };
        let mice = "{4D36E96F-E325-11CE-BFC1-08002BE10318}";
        assert_eq!(class(mice, 1), Some(Proof::Likely));
        assert_eq!(class(mice, 0), None);
        assert_eq!(class("{36fc9e60-c465-11cf-8056-444553540000}", 1), None, "USB");
    }

    #[test]
    fn the_list_of_drivers() {
        let found = |subkeys| {
            let key = DRIVERS.to_owned();
            let fact = Fact::RegistryKey(Box::new(RegistryKey { key, subkeys, values: None }));
            Scene::new().fact(Stage::Host, fact).judge(&CAUSE).is_some()
        };
        let names = |all: &[&str]| Lookup::seen(all.iter().map(|n| (*n).to_owned()).collect());
        assert!(found(names(&["TS_KBD"])));
        assert!(!found(names(&["TS_KBD", "TS_MOU"])));
        assert!(!found(Lookup::Absent) && !found(Lookup::unavailable("access denied")));
    }
}
