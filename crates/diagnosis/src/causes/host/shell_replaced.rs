//! What Windows starts for a session is not what it brings.

use rdpdoctor_model::{CauseId, Change, RegistryData, Stage};

use crate::machine::Machine;
use crate::machine_facts::{Point, matched, text};
use crate::mend::Mend;
use crate::{
    Cause, Evidence, Match, NextTest, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
};

/// `host.shell-replaced`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.shell-replaced"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "{host} starts something else than the desktop in a session",
    explanation: "Behind the sign-in Windows starts userinit.exe, and that the shell, explorer.exe. Both names stand in the registry. Where they were changed, a session is black or ends at once, unless that is meant so, as on a kiosk.",
    excludes: &["network, certificate, password"],
    remedies: &[Remedy {
        id: "put-the-names-back",
        place: Where::Host,
        risk: Risk::Medium,
        title: "Unless this is a kiosk, put the names back that Windows brings",
        steps: &[
            "PS> reg export 'HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon' C:\\winlogon.reg",
            "PS> Set-ItemProperty 'HKLM:\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon' Shell explorer.exe",
            "PS> Set-ItemProperty 'HKLM:\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon' Userinit 'C:\\Windows\\system32\\userinit.exe,'",
        ],
        interrupts: "nothing; it counts from the next sign-in",
        undo: &["PS> reg import C:\\winlogon.reg"],
        verify: "rdpdoctor check {target} -u <user> --desktop picture.png shows the desktop",
    }],
    references: &["https://learn.microsoft.com/en-us/windows/win32/winlogon/winlogon-and-gina"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("facts_of_broken_hosts"),
    next_tests: &[NextTest {
        why: "whether the desktop comes: tells a shell that is meant so from one that is broken",
        command: "rdpdoctor check {target} -u <user> --desktop picture.png",
    }],
    rule,
};

const WINLOGON: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon";

/// What is changed: only a Userinit that is empty, since a shell of one's own may be meant so.
pub static MEND: Mend = Mend {
    cause: CAUSE.id,
    remedy: "put-the-names-back",
    changes: |evidence| {
        let host = Machine::host(evidence);
        let empty = host.setting(WINLOGON, "Userinit").is_some_and(|setting| {
            setting.data.text().is_some_and(|text| text.trim_matches([' ', ',']).is_empty())
        });
        let usual = RegistryData::Text(r"C:\Windows\system32\userinit.exe,".to_owned());
        let change = Change::RegistryValue {
            key: WINLOGON.to_owned(),
            name: "Userinit".to_owned(),
            data: Some(usual),
        };
        empty.then_some(change).into_iter().collect()
    },
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let points = [shell(&host), userinit(&host)];
    matched(points.into_iter().flatten().collect())
}

fn shell(host: &Machine<'_, '_>) -> Option<Point> {
    let (setting, shell) = text(host, WINLOGON, "Shell")?;
    let usual = program(shell) == "explorer.exe";
    let words = format!("The shell is {}.", short(shell));
    (!usual).then(|| {
        let title = CAUSE.title;
        Point::of_setting(Severity::Warning, Proof::Possible, &setting, title, &words)
    })
}

fn userinit(host: &Machine<'_, '_>) -> Option<Point> {
    let setting = host.setting(WINLOGON, "Userinit")?;
    let list = setting.data.text()?;
    let named = list.split(',').any(|one| program(one) == "userinit.exe");
    let words = format!("Userinit is \"{}\", and userinit.exe is not in it.", short(list));
    (!named).then(|| {
        let title = "Sessions on {host} end at once: userinit.exe is not started";
        Point::of_setting(Severity::Warning, Proof::Likely, &setting, title, &words)
    })
}

/// The file's name of a command line, in lower case.
fn program(command: &str) -> String {
    let command = command.trim().trim_matches('"').to_ascii_lowercase();
    command.rsplit('\\').next().unwrap_or_default().trim().to_owned()
}

fn short(text: &str) -> String {
    text.trim().chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Lookup, RegistryData, Stage};

    use super::{CAUSE, MEND, WINLOGON};
    use crate::Proof;
    use crate::testing::Scene;

    fn scene(name: &str, text: &str) -> Scene {
        let data = Lookup::seen(RegistryData::Text(text.to_owned()));
        Scene::new().machine_value(Stage::Host, WINLOGON, name, data)
    }

    #[test]
    fn shells() {
        let found = |text| scene("Shell", text).judge(&CAUSE).is_some();
        assert!(!found("explorer.exe") && !found(r"C:\Windows\Explorer.EXE"));
        assert!(found("kiosk.exe") && found(r"C:\tools\shell.exe"));
    }

    #[test]
    fn userinits() {
        let found = |text| scene("Userinit", text).judge(&CAUSE).map(|found| found.proof);
        assert_eq!(found(r"C:\Windows\system32\userinit.exe,"), None);
        assert_eq!(found(r"C:\Windows\system32\userinit.exe,C:\agent.exe,"), None);
        assert_eq!(found(r"C:\agent.exe,"), Some(Proof::Likely));
        let changes = |text| scene("Userinit", text).with_evidence(|e| (MEND.changes)(e)).len();
        assert_eq!((changes(""), changes(r"C:\agent.exe,")), (1, 0));
        let unread = Lookup::unavailable("access denied");
        let scene = Scene::new().machine_value(Stage::Host, WINLOGON, "Userinit", unread);
        assert_eq!(scene.judge(&CAUSE), None);
    }
}
