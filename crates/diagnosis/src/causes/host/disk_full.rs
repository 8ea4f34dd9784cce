//! The system's disk is full.

use rdpdoctor_model::{CauseId, Fact, Stage};

use crate::host_view::WINDOWS;
use crate::machine::Machine;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

const PROFILES: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList";

/// With less than this free no profile can be made and no log written. There is no figure of
/// Microsoft's; a new profile alone takes some tens of megabytes.
const FULL: u64 = 100 * 1024 * 1024;
/// With less than this it soon is.
const NEARLY: u64 = 1024 * 1024 * 1024;

/// `host.disk-full`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.disk-full"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "The disk of {host} is full",
    explanation: "On the volume with Windows or with the profiles hardly anything is free. A sign-in is taken and the session then fails: no profile can be made, no key or certificate written, no page file grown.",
    excludes: &["network, password"],
    remedies: &[Remedy {
        id: "make-room",
        place: Where::Host,
        risk: Risk::Medium,
        title: "Make room on the volume",
        steps: &[
            "PS> Get-Volume | Format-Table DriveLetter, SizeRemaining, Size",
            "PS> Get-ChildItem C:\\Users -Directory | ForEach-Object { [pscustomobject]@{Profile=$_.Name; MB=[int]((Get-ChildItem $_.FullName -Recurse -Force -ErrorAction SilentlyContinue | Measure-Object Length -Sum).Sum/1MB)} } | Sort-Object MB",
            "PS> cleanmgr /sageset:1; cleanmgr /sagerun:1",
            "PS> Dism /Online /Cleanup-Image /StartComponentCleanup",
        ],
        interrupts: "nothing",
        undo: &["What is deleted is gone: look before, and keep what belongs to somebody."],
        verify: "rdpdoctor host finds it no longer",
    }],
    references: &[
        "https://learn.microsoft.com/en-us/windows-server/administration/windows-commands/cleanmgr",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("host_facts"),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let volumes = host.last(|fact| match fact {
        Fact::Volumes { volumes } => volumes.as_seen(),
        _ => None,
    })?;
    let system = drive(&host, WINDOWS, "SystemRoot").unwrap_or('C');
    let profiles = drive(&host, PROFILES, "ProfilesDirectory").unwrap_or(system);
    let matters = |path: &str| {
        path.chars()
            .next()
            .is_some_and(|letter| [system, profiles].contains(&letter.to_ascii_uppercase()))
    };
    let least = volumes
        .value
        .iter()
        .filter(|volume| volume.total > 0 && matters(&volume.path))
        .min_by_key(|volume| volume.free)?;
    let (severity, title) = match least.free {
        free if free < FULL => (Severity::Warning, None),
        free if free < NEARLY => (Severity::Info, Some("The disk of {host} is nearly full")),
        _ => return None,
    };
    let path: String = least.path.chars().filter(|c| !c.is_control()).take(8).collect();
    let found = Match::new(severity, Proof::Proven, [volumes.id()]).detailed(format!(
        "{path} has {} MB free of {} MB.",
        least.free / 1_048_576,
        least.total / 1_048_576
    ));
    Some(match title {
        Some(title) => found.titled(title),
        None => found,
    })
}

/// The letter of the drive that a value's path begins with.
fn drive(host: &Machine<'_, '_>, key: &str, name: &str) -> Option<char> {
    let setting = host.setting(key, name)?;
    let mut start = setting.data.text()?.chars();
    let letter = start.next().filter(char::is_ascii_alphabetic)?;
    (start.next() == Some(':')).then(|| letter.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, Lookup, Stage, Volume};

    use super::{CAUSE, PROFILES};
    use crate::Severity;
    use crate::testing::Scene;

    fn with(scene: Scene, volumes: &[(&str, u64)]) -> Option<Severity> {
        let volume = |(path, free): &(&str, u64)| Volume {
            path: (*path).to_owned(),
            total: 64 << 30,
            free: *free << 20,
        };
        let volumes = Lookup::seen(volumes.iter().map(volume).collect());
        scene.fact(Stage::Host, Fact::Volumes { volumes }).judge(&CAUSE).map(|m| m.severity)
    }

    #[test]
    fn the_volumes_that_matter() {
        assert_eq!(with(Scene::new(), &[("C:", 20)]), Some(Severity::Warning));
        assert_eq!(with(Scene::new(), &[("C:", 500)]), Some(Severity::Info));
        assert_eq!(with(Scene::new(), &[("C:", 5000), ("D:", 0)]), None);
        let profiles = || Scene::new().host_text(PROFILES, "ProfilesDirectory", r"D:\Users");
        assert_eq!(with(profiles(), &[("C:", 5000), ("D:", 0)]), Some(Severity::Warning));
        let unread = Fact::Volumes { volumes: Lookup::unavailable("a disk") };
        assert_eq!(Scene::new().fact(Stage::Host, unread).judge(&CAUSE), None);
    }
}
