//! A user's profile on the host is damaged.

use rdpdoctor_model::{CauseId, Fact, Lookup, ObservationId, Stage, WindowsFile};

use crate::machine::Machine;
use crate::machine_facts::{Point, matched, subkeys};
use crate::{
    Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Seen, Severity, Where,
};

/// `host.profile-corrupt`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.profile-corrupt"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "A user's profile on {host} is damaged",
    explanation: "Windows could not load a user's profile and set it aside, or a part of it is missing. That user's password is taken, and then comes a temporary profile, or the session ends with \"The User Profile Service failed the sign-in\". Other users are not concerned.",
    excludes: &["network, certificate, password"],
    remedies: &[
        Remedy {
            id: "put-the-profile-back",
            place: Where::Host,
            risk: Risk::Medium,
            title: "With the user signed out, give the profile its entry back",
            steps: &[
                "PS> reg export 'HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\ProfileList' C:\\profiles.reg",
                "PS> Get-ChildItem 'HKLM:\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\ProfileList' | Select-Object PSChildName, @{n='Path';e={$_.GetValue('ProfileImagePath')}}, @{n='State';e={$_.GetValue('State')}}",
                "Where both the SID and the SID with .bak are there: rename the plain one to .old, take .bak off the other, and set its State to 0.",
                "Look first which of both folders holds the user's files.",
            ],
            interrupts: "that user must be signed out",
            undo: &["PS> reg import C:\\profiles.reg   (take the renamed keys away before)"],
            verify: "the user signs in and has the own desktop; no new event 1511 or 1515 in Application",
        },
        Remedy {
            id: "restore-the-files",
            place: Where::Host,
            risk: Risk::Medium,
            title: "Where the folder or NTUSER.DAT is missing, restore it from a copy",
            steps: &[
                "Restore the folder, or NTUSER.DAT alone, from the backup or a shadow copy.",
                "Without a copy: after the export above remove the key of that SID; the next sign-in makes a new profile.",
            ],
            interrupts: "that user must be signed out",
            undo: &["PS> reg import C:\\profiles.reg"],
            verify: "the user signs in and has the own desktop",
        },
    ],
    references: &["KB947215", "https://support.microsoft.com/en-us/kb/947215"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("facts_of_broken_hosts"),
    next_tests: &[],
    rule,
};

const PROFILES: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList";

/// State: PROFILE_BACKUP_EXISTS and what tools call "marked as backup".
const MARKED_AS_BACKUP: u64 = 0x8000;

/// A hive has a base block and one bin at least, 4,096 bytes each.
const SMALLEST_HIVE: u64 = 8_192;

/// Users that are told one by one.
const TOLD: usize = 4;

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let mut points = set_aside(&host);
    points.extend(marked(&host));
    points.extend(missing(&host));
    points.truncate(TOLD);
    matched(points)
}

fn point(proof: Proof, evidence: ObservationId, words: String) -> Point {
    let title = CAUSE.title;
    Point::new(Severity::Warning, proof, [evidence], title, words)
}

/// A twin with `.bak` is what Windows sets aside.
fn set_aside(host: &Machine<'_, '_>) -> Vec<Point> {
    let Some(listed) = subkeys(host, PROFILES) else { return Vec::new() };
    let names = listed.value.as_seen().into_iter().flatten();
    names
        .filter_map(|name| name.strip_suffix(".bak").filter(|sid| is_user(sid)))
        .map(|sid| {
            point(Proof::Likely, listed.id(), format!("The profile of {sid} was set aside (.bak)."))
        })
        .collect()
}

fn is_user(sid: &str) -> bool {
    let sid = sid.to_ascii_uppercase();
    sid.starts_with("S-1-5-21-") || sid.starts_with("S-1-12-1-")
}

fn marked(host: &Machine<'_, '_>) -> Vec<Point> {
    let states = host.all(|fact| match fact {
        Fact::RegistryValue(value) if value.name.eq_ignore_ascii_case("State") => {
            let sid = value.key.rsplit('\\').next()?;
            let state = value.data.as_seen()?.number()?;
            let listed = value.key.to_ascii_lowercase().contains(r"\profilelist\");
            (listed && is_user(sid) && !sid.ends_with(".bak") && state & MARKED_AS_BACKUP != 0)
                .then_some(sid)
        }
        _ => None,
    });
    let words = |sid: &str| format!("The profile of {sid} is marked as a backup.");
    states.iter().map(|seen| point(Proof::Likely, seen.id(), words(seen.value))).collect()
}

/// Folders of profiles, and hives in them, that are not there or too small to be one.
fn missing(host: &Machine<'_, '_>) -> Vec<Point> {
    let paths = host.all(|fact| match fact {
        Fact::WindowsFile(file) => Some(&**file),
        _ => None,
    });
    let hives = paths.iter().filter(|seen| ends_with(seen.value, r"\NTUSER.DAT"));
    hives
        .filter_map(|hive| {
            let folder = hive.value.path.get(..hive.value.path.len() - r"\NTUSER.DAT".len())?;
            let own = paths.iter().find(|seen| seen.value.path.eq_ignore_ascii_case(folder));
            let gone = own.filter(|seen| matches!(seen.value.state, Lookup::Absent));
            let (evidence, what) = match gone {
                Some(folder) => (folder.id(), "The folder of a profile is missing"),
                None => (hive.id(), broken_hive(hive)?),
            };
            Some(point(Proof::Likely, evidence, format!("{what}: {folder}.")))
        })
        .collect()
}

fn ends_with(file: &WindowsFile, end: &str) -> bool {
    let path = file.path.to_ascii_uppercase();
    path.len() > end.len() && path.ends_with(end)
}

fn broken_hive(hive: &Seen<'_, &WindowsFile>) -> Option<&'static str> {
    match &hive.value.state {
        Lookup::Absent => Some("A profile has no NTUSER.DAT"),
        Lookup::Seen { value } if value.length < SMALLEST_HIVE => {
            Some("The NTUSER.DAT of a profile is too short to be one")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, FileState, Lookup, RegistryKey, Stage, WindowsFile};

    use super::{CAUSE, PROFILES};
    use crate::testing::Scene;

    const SID: &str = "S-1-5-21-1-2-3-1001";

    fn listed(names: &[String]) -> Scene {
        let key = PROFILES.to_owned();
        let subkeys = Lookup::seen(names.to_vec());
        let fact = Fact::RegistryKey(Box::new(RegistryKey { key, subkeys, values: None }));
        Scene::new().fact(Stage::Host, fact)
    }

    fn file(scene: Scene, path: &str, length: Option<u64>) -> Scene {
        let state = length.map_or(Lookup::Absent, |length| {
            Lookup::seen(FileState {
                length,
                modified: None,
                version: None,
                access: Lookup::Absent,
            })
        });
        let file = WindowsFile { path: path.to_owned(), state };
        scene.fact(Stage::Host, Fact::WindowsFile(Box::new(file)))
    }

    #[test]
    fn a_twin_that_was_set_aside() {
        let found = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            listed(&names).judge(&CAUSE).is_some()
        };
        let twin = format!("{SID}.bak");
        assert!(found(&[SID, &twin]));
        assert!(!found(&[SID, "S-1-5-18"]) && !found(&["S-1-5-18.bak"]));
    }

    #[test]
    fn the_state_of_a_profile() {
        let key = format!(r"{PROFILES}\{SID}");
        let found = |state| Scene::new().host_number(&key, "State", state).judge(&CAUSE).is_some();
        assert!(found(Some(0x8000)) && found(Some(0x8204)));
        assert!(!found(Some(0)) && !found(Some(0x204)) && !found(None));
    }

    #[test]
    fn folders_and_hives() {
        let of = |folder, hive| {
            let scene = file(Scene::new(), r"C:\Users\jo", folder);
            file(scene, r"C:\Users\jo\NTUSER.DAT", hive).judge(&CAUSE)
        };
        let whole = Some(262_144);
        assert_eq!(of(Some(0), whole), None);
        assert!(
            of(Some(0), None).is_some_and(|m| m.detail.is_some_and(|d| d.contains("no NTUSER")))
        );
        assert!(of(None, None).is_some_and(|m| m.detail.is_some_and(|d| d.contains("folder"))));
        assert!(of(Some(0), Some(512)).is_some());
        let unread = WindowsFile {
            path: r"C:\Users\jo\NTUSER.DAT".to_owned(),
            state: Lookup::unavailable("access denied"),
        };
        let scene = Scene::new().fact(Stage::Host, Fact::WindowsFile(Box::new(unread)));
        assert_eq!(scene.judge(&CAUSE), None);
    }
}
