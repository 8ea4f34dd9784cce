//! Changes of the registry of a machine that does not run, as a command file for Windows' own tools
//! and one that takes them back.
//!
//! Nothing here writes to a hive. `notatin` and `ntfs` only read; `regf` writes hives from names and
//! values alone, without the keys' access lists and classes: Windows would not start from such a
//! SYSTEM. `reg load` is in every recovery environment.

use std::fmt::Write as _;

use rdpdoctor_model::{Change, Lookup, RegistryData};

use crate::System;

const SELECT: &str = r"HKLM\SYSTEM\Select";
const SERVICES: &str = r"HKLM\SYSTEM\CurrentControlSet\Services";

/// The files of the registry that a command file may change.
const HIVES: [(&str, &str); 2] = [(r"HKLM\SYSTEM\", "SYSTEM"), (r"HKLM\SOFTWARE\", "SOFTWARE")];

/// Command files for a Windows that is not running, as `D:` or so in a recovery environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Makes the changes.
    pub apply: String,
    /// Takes them back.
    pub undo: String,
    /// Changes that are not in it, and why.
    pub left_out: Vec<(Change, &'static str)>,
}

/// One command for each direction.
struct Step {
    hive: &'static str,
    apply: String,
    undo: String,
}

/// The command files for these changes; what stands there now is read from `disk`.
pub fn reg_load_script(disk: &dyn System, changes: &[Change]) -> Script {
    let (mut steps, mut left_out) = (Vec::new(), Vec::new());
    for change in changes {
        match step(disk, change) {
            Ok(step) => steps.push(step),
            Err(why) => left_out.push((change.clone(), why)),
        }
    }
    let apply = file("changes the registry of a Windows that is not running", &steps, |s| &s.apply);
    steps.reverse();
    let undo = file("takes the changes back", &steps, |step| &step.undo);
    Script { apply, undo, left_out }
}

fn step(disk: &dyn System, change: &Change) -> Result<Step, &'static str> {
    match change {
        Change::RegistryValue { key, name, data } => value(disk, key, name, data.as_ref()),
        Change::ServiceStart { name, start } => {
            let key = format!(r"{SERVICES}\{name}");
            value(disk, &key, "Start", Some(&RegistryData::Dword(*start)))
        }
        Change::StartService { .. }
        | Change::RestartService { .. }
        | Change::ResetSession { .. } => Err("nothing runs on a disk"),
        Change::FileAccess { .. } => Err(
            "who may read a file is no value of the registry; it is mended on the running machine",
        ),
        Change::MoveFileAside { .. } => Err("a file is no value of the registry"),
        Change::RemoveCertificate { .. } | Change::RemoveCredential { .. } => {
            Err("it is mended on the running machine, which makes a new one")
        }
    }
}

fn value(
    disk: &dyn System,
    key: &str,
    name: &str,
    data: Option<&RegistryData>,
) -> Result<Step, &'static str> {
    let before = match disk.registry_value(key, name) {
        Lookup::Seen { value } => Some(value),
        Lookup::Absent => None,
        // Without it there is no way back.
        Lookup::Unavailable { .. } => return Err("what stands there now cannot be read"),
    };
    let made = disk.registry_subkeys(key).is_absent();
    let (hive, place) = place(disk, key)?;
    let undo = match (&before, made) {
        (None, true) if data.is_some() => format!("reg delete {} /f", quoted(&place)?),
        (before, _) => command(&place, name, before.as_ref())?,
    };
    Ok(Step { hive, apply: command(&place, name, data)?, undo })
}

/// Where a key lies once its file is loaded. `CurrentControlSet` is not there then.
fn place(disk: &dyn System, key: &str) -> Result<(&'static str, String), &'static str> {
    let below = |start: &str| {
        let (head, rest) = key.split_at_checked(start.len())?;
        head.eq_ignore_ascii_case(start).then_some(rest)
    };
    let found = HIVES.iter().find_map(|(start, hive)| Some((*hive, below(start)?)));
    let (hive, rest) = found.ok_or("its file of the registry is not changed by a program")?;
    const CURRENT: &str = "CurrentControlSet";
    let rest = match rest.split_at_checked(CURRENT.len()) {
        Some((head, rest)) if hive == "SYSTEM" && head.eq_ignore_ascii_case(CURRENT) => {
            let number = disk.registry_value(SELECT, "Current");
            let number = number.as_seen().and_then(RegistryData::number);
            let number = number.ok_or("the registry does not say which control set is in use")?;
            format!("ControlSet{number:03}{rest}")
        }
        _ => rest.to_owned(),
    };
    Ok((hive, format!(r"HKLM\rdpdoctor-{hive}\{rest}")))
}

/// Sets a value, or takes it away.
fn command(place: &str, name: &str, data: Option<&RegistryData>) -> Result<String, &'static str> {
    let place = quoted(place)?;
    let name = if name.is_empty() { "/ve".to_owned() } else { format!("/v {}", quoted(name)?) };
    let Some(data) = data else { return Ok(format!("reg delete {place} {name} /f")) };
    let (kind, text) = match data {
        RegistryData::Dword(number) => ("REG_DWORD", number.to_string()),
        RegistryData::Qword(number) => ("REG_QWORD", number.to_string()),
        RegistryData::Text(text) => ("REG_SZ", text.clone()),
        RegistryData::ExpandText(text) => ("REG_EXPAND_SZ", text.clone()),
        RegistryData::Texts(texts) if texts.iter().any(|text| text.contains(r"\0")) => {
            return Err("its text cannot be written in a command file");
        }
        RegistryData::Texts(texts) => ("REG_MULTI_SZ", texts.join(r"\0")),
        RegistryData::Binary(bytes) => {
            let digits = bytes.0.iter().fold(String::new(), |mut digits, byte| {
                let _ = write!(digits, "{byte:02x}");
                digits
            });
            ("REG_BINARY", digits)
        }
    };
    Ok(format!("reg add {place} {name} /t {kind} /d {} /f", quoted(&text)?))
}

/// A word of a command line. What would end it or begin another one is refused: it comes from a disk
/// that somebody else may have made. What is not ASCII would be read in the code page of whoever runs
/// the file.
fn quoted(text: &str) -> Result<String, &'static str> {
    let odd = |c: char| c == '"' || c.is_control() || !c.is_ascii();
    if text.chars().any(odd) || text.ends_with('\\') {
        return Err("its text cannot be written in a command file");
    }
    Ok(format!("\"{}\"", text.replace('%', "%%")))
}

fn file(what: &str, steps: &[Step], command: impl Fn(&Step) -> &str) -> String {
    let mut lines = vec![
        "@echo off".to_owned(),
        format!("rem rdpdoctor: {what}."),
        "rem Run it in a recovery environment: this file, then the folder of Windows there."
            .to_owned(),
        r#"if not exist "%~1\System32\config\SYSTEM" (echo usage: %~nx0 D:\Windows & exit /b 3)"#
            .to_owned(),
    ];
    for (_, hive) in HIVES {
        let own: Vec<&Step> = steps.iter().filter(|step| step.hive == hive).collect();
        if own.is_empty() {
            continue;
        }
        lines.push(format!(
            r#"reg load HKLM\rdpdoctor-{hive} "%~1\System32\config\{hive}" || exit /b 3"#
        ));
        lines.extend(own.iter().map(|step| format!("{} || set FAILED=1", command(step))));
        lines.push(format!(r"reg unload HKLM\rdpdoctor-{hive} || set FAILED=1"));
    }
    lines.push("if defined FAILED exit /b 1".to_owned());
    lines.join("\r\n") + "\r\n"
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Change, RegistryData};

    use super::reg_load_script;
    use crate::fake::FakeSystem;

    const SERVER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server";

    fn disk() -> FakeSystem {
        FakeSystem::default().with(r"HKLM\SYSTEM\Select", "Current", RegistryData::Dword(2)).with(
            SERVER,
            "fDenyTSConnections",
            RegistryData::Dword(1),
        )
    }

    fn set(key: &str, name: &str, data: Option<RegistryData>) -> Change {
        Change::RegistryValue { key: key.to_owned(), name: name.to_owned(), data }
    }

    #[test]
    fn a_value_there_and_back() {
        let change = set(SERVER, "fDenyTSConnections", Some(RegistryData::Dword(0)));
        let script = reg_load_script(&disk(), &[change]);
        let key = r#""HKLM\rdpdoctor-SYSTEM\ControlSet002\Control\Terminal Server""#;
        let line = |number: u32| {
            format!("reg add {key} /v \"fDenyTSConnections\" /t REG_DWORD /d \"{number}\" /f ")
        };
        assert!(script.apply.contains(&line(0)), "{}", script.apply);
        assert!(script.undo.contains(&line(1)), "{}", script.undo);
        assert_eq!(script.apply.matches("reg load").count(), 1);
        assert_eq!(script.apply.matches("reg unload").count(), 1);
        assert!(script.left_out.is_empty());
    }

    #[test]
    fn what_was_not_there_is_taken_away_again() {
        let policy = r"HKLM\SOFTWARE\Policies\X";
        let value = set(SERVER, "fSingleSessionPerUser", Some(RegistryData::Dword(1)));
        let key = set(policy, "Y", Some(RegistryData::Text("50%".to_owned())));
        let script = reg_load_script(&disk(), &[value, key]);
        assert!(script.undo.contains("/v \"fSingleSessionPerUser\" /f"), "{}", script.undo);
        assert!(script.undo.contains(r#"reg delete "HKLM\rdpdoctor-SOFTWARE\Policies\X" /f"#));
        assert!(script.apply.contains("/d \"50%%\""), "{}", script.apply);
    }

    #[test]
    fn what_cannot_be_taken_back_or_said_safely_is_left_out() {
        let mut disk = disk();
        disk.unreadable.push(r"hklm\software".to_owned());
        let text = |text: &str| Some(RegistryData::Text(text.to_owned()));
        let changes = [
            set(r"HKLM\SOFTWARE\X", "Y", Some(RegistryData::Dword(1))),
            set(SERVER, "X", text("a\" & format C:")),
            set(SERVER, "X", text("a\r\nformat C:")),
            set(SERVER, "X\"", None),
            set(SERVER, "X", text("f\u{fc}r")),
            set(r"HKLM\SAM\X", "Y", None),
            Change::RestartService { name: "TermService".to_owned() },
        ];
        let script = reg_load_script(&disk, &changes);
        assert_eq!(script.left_out.len(), changes.len(), "{}", script.apply);
        assert!(!script.apply.contains("reg add") && !script.apply.contains("format"));
    }
}
