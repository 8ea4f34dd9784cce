//! The client program may not run, or is not there.

use rdpdoctor_model::{CauseId, Fact, Lookup, Stage};

use crate::host_view::seen_past;
use crate::machine::Machine;
use crate::machine_facts::{Point, file, matched, number, text, values};
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `client.app-blocked`
pub static CAUSE: Cause = Cause {
    id: CauseId("client.app-blocked"),
    stage: Stage::Client,
    owner: Owner::Client,
    title: "Something keeps mstsc.exe from running on this client",
    explanation: "The Remote Desktop client, mstsc.exe, is not there, is not allowed by a rule, or another program is started in its place. Nothing leaves this machine then, whatever the host is like; other machines are not concerned.",
    excludes: &["the host, the network, the account: none was asked because of this"],
    remedies: &[
        Remedy {
            id: "ask-who-set-the-rule",
            place: Where::Policy,
            risk: Risk::Medium,
            title: "Ask who set the rule for an exception for mstsc.exe",
            steps: &[
                "PS> gpresult /scope computer /h gp.html   (and once more with /scope user)",
                "PS> Get-AppLockerPolicy -Effective | Test-AppLockerPolicy -Path C:\\Windows\\System32\\mstsc.exe -User <user>",
                "Or use a client that is allowed.",
            ],
            interrupts: "nothing",
            undo: &["Withdraw the exception"],
            verify: "mstsc starts",
        },
        Remedy {
            id: "stop-the-program-in-its-place",
            place: Where::Client,
            risk: Risk::Medium,
            title: "Where a program is started in its place and nobody knows why, have it looked at",
            steps: &[
                "PS> Get-ItemProperty 'HKLM:\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Image File Execution Options\\mstsc.exe'",
                "A debugger's name that nobody set is what malware does: scan the machine before anything is removed.",
                "PS> Remove-ItemProperty 'HKLM:\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Image File Execution Options\\mstsc.exe' Debugger",
            ],
            interrupts: "nothing",
            undo: &[
                "PS> New-ItemProperty 'HKLM:\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Image File Execution Options\\mstsc.exe' Debugger -Value <former value>",
            ],
            verify: "mstsc starts",
        },
        Remedy {
            id: "repair-windows-files",
            place: Where::Client,
            risk: Risk::Low,
            title: "Where the program's files are missing, repair them",
            steps: &["PS> sfc /scannow", "PS> dism /online /cleanup-image /restorehealth"],
            interrupts: "nothing",
            undo: &["nothing that was there was changed"],
            verify: "mstsc starts",
        },
    ],
    references: &[
        "https://learn.microsoft.com/en-us/windows/security/application-security/application-control/app-control-for-business/applocker/applocker-overview",
        "https://learn.microsoft.com/en-us/windows-hardware/drivers/debugger/gflags-overview",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("facts_of_broken_clients"),
    next_tests: &[],
    rule,
};

const INSTEAD: &str =
    r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Image File Execution Options\mstsc.exe";
const EXPLORER: &str = r"HKCU\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\Explorer";
const LOCKER: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\SrpV2\Exe";

const PROGRAM: &str = "mstsc.exe";

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let client = Machine::client(evidence);
    let points = [instead(&client), disallowed(&client), locker(&client), absent(&client)];
    let found = matched(points.into_iter().flatten().collect())?;
    Some(seen_past(evidence, Stage::Tcp, found))
}

/// Windows starts this one and gives it the name of the client.
fn instead(client: &Machine<'_, '_>) -> Option<Point> {
    let (setting, program) = text(client, INSTEAD, "Debugger")?;
    let program: String = program.chars().take(120).collect();
    let title = "Another program is started in the place of mstsc.exe";
    let words = format!("Started in its place is: {program}.");
    Some(Point::of_setting(Severity::Blocking, Proof::Likely, &setting, title, &words))
}

/// The Explorer's list goes by the file's name, and only for what the Explorer starts.
fn disallowed(client: &Machine<'_, '_>) -> Option<Point> {
    let (setting, _) = number(client, EXPLORER, "DisallowRun").filter(|(_, on)| *on == 1)?;
    let listed = values(client, &format!(r"{EXPLORER}\DisallowRun"));
    let own = |text: &str| text.trim().eq_ignore_ascii_case(PROGRAM);
    let entry = listed.iter().find(|seen| seen.value.text().is_some_and(own))?;
    let words = "mstsc.exe stands in this user's list of programs that may not run.";
    let title = "A policy forbids this user to start mstsc.exe";
    let mut point = Point::of_setting(Severity::Blocking, Proof::Likely, &setting, title, words);
    point.evidence.push(entry.id());
    Some(point)
}

/// AppLocker: a denial wins. Whom it is for stands in it as a SID, and who sits here is not known.
fn locker(client: &Machine<'_, '_>) -> Option<Point> {
    let (mode, _) = number(client, LOCKER, "EnforcementMode").filter(|(_, on)| *on == 1)?;
    let start = format!(r"{LOCKER}\").to_ascii_lowercase();
    let rules = client.all(|fact| match fact {
        Fact::RegistryValue(value) if value.key.to_ascii_lowercase().starts_with(&start) => {
            value.data.as_seen()?.text()
        }
        _ => None,
    });
    let denies = |rule: &str| {
        let rule = rule.to_ascii_lowercase();
        rule.contains("action=\"deny\"") && rule.contains("mstsc")
    };
    let rule = rules.iter().find(|seen| denies(seen.value))?;
    let words = "A rule of AppLocker that is enforced denies mstsc.exe.";
    let title = "A rule of AppLocker denies mstsc.exe";
    let mut point = Point::of_setting(Severity::Warning, Proof::Likely, &mode, title, words);
    point.evidence.push(rule.id());
    Some(point)
}

fn absent(client: &Machine<'_, '_>) -> Option<Point> {
    let missing = [PROGRAM, "mstscax.dll"].into_iter().find_map(|name| {
        let seen = file(client, name)?;
        matches!(seen.value.state, Lookup::Absent).then_some((seen, name))
    });
    let (seen, name) = missing?;
    let title = format!("The Remote Desktop client is not whole: {name} is missing");
    let words = format!("{name} is missing.");
    Some(Point::new(Severity::Blocking, Proof::Proven, [seen.id()], title, words))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, Lookup, RegistryData, Stage, StageOutcome, WindowsFile};

    use super::{CAUSE, EXPLORER, INSTEAD, LOCKER};
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    fn text(scene: Scene, key: &str, name: &str, text: &str) -> Scene {
        let data = Lookup::seen(RegistryData::Text(text.to_owned()));
        scene.machine_value(Stage::Client, key, name, data)
    }

    fn on(key: &str, name: &str, number: u32) -> Scene {
        let data = Lookup::seen(RegistryData::Dword(number));
        Scene::new().machine_value(Stage::Client, key, name, data)
    }

    fn judged(scene: &Scene) -> Option<(Severity, Proof)> {
        scene.judge(&CAUSE).map(|found| (found.severity, found.proof))
    }

    #[test]
    fn rules_that_name_the_client() {
        let blocked = Some((Severity::Blocking, Proof::Likely));
        assert_eq!(judged(&text(Scene::new(), INSTEAD, "Debugger", "other.exe")), blocked);
        assert_eq!(judged(&text(Scene::new(), INSTEAD, "Debugger", " ")), None);
        let list = format!(r"{EXPLORER}\DisallowRun");
        let listed =
            |program: &str, n| judged(&text(on(EXPLORER, "DisallowRun", n), &list, "1", program));
        assert_eq!(listed("MSTSC.exe", 1), blocked);
        assert_eq!((listed("mstsc.exe", 0), listed("notepad.exe", 1)), (None, None));
    }

    #[test]
    fn rules_of_applocker() {
        let rule = |action: &str, path: &str, mode| {
            let key = format!(r"{LOCKER}\5c0d");
            let xml = format!(
                "<FilePathRule Action=\"{action}\"><FilePathCondition Path=\"{path}\"/></FilePathRule>"
            );
            judged(&text(on(LOCKER, "EnforcementMode", mode), &key, "Value", &xml))
        };
        let path = r"%SYSTEM32%\mstsc.exe";
        assert_eq!(rule("Deny", path, 1), Some((Severity::Warning, Proof::Likely)));
        assert_eq!(rule("Allow", path, 1), None);
        assert_eq!(rule("Deny", r"%SYSTEM32%\calc.exe", 1), None);
        assert_eq!(rule("Deny", path, 0), None, "it is only audited");
    }

    /// A connection that a capture shows left this machine; the check's own is another program's.
    #[test]
    fn near_miss_a_client_that_connected() {
        let passed =
            Fact::StageEnded { outcome: StageOutcome::Passed, reason: None, elapsed_ms: 1.0 };
        let connected = || {
            text(Scene::new(), INSTEAD, "Debugger", "other.exe").fact(Stage::Tcp, passed.clone())
        };
        assert_eq!(judged(&connected()), Some((Severity::Blocking, Proof::Likely)));
        assert_eq!(judged(&connected().captured()), Some((Severity::Warning, Proof::Likely)));
    }

    #[test]
    fn a_client_that_is_not_there() {
        let found = |state| {
            let path = r"C:\Windows\System32\mstsc.exe".to_owned();
            let file = Fact::WindowsFile(Box::new(WindowsFile { path, state }));
            judged(&Scene::new().fact(Stage::Client, file))
        };
        assert_eq!(found(Lookup::Absent), Some((Severity::Blocking, Proof::Proven)));
        assert_eq!(found(Lookup::unavailable("access denied")), None);
    }
}
