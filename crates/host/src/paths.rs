//! Variables in the paths of files.

use rdpdoctor_model::{Lookup, RegistryData};

use crate::System;

const VERSION: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion";
/// What holds for the user who is signed in.
const SESSION: &str = r"HKCU\Volatile Environment";
const SHELL_FOLDERS: &str =
    r"HKCU\Software\Microsoft\Windows\CurrentVersion\Explorer\User Shell Folders";
const PROFILES: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList";

/// Puts `%SystemRoot%`, `%SystemDrive%` and `%ProgramData%` in, as the machine itself has them, and
/// `%UserProfile%`, `%LocalAppData%` and `%Personal%` (the folder of documents), as the user has.
pub fn expand(system: &dyn System, path: &str) -> Lookup<String> {
    let Some(rest) = path.strip_prefix('%') else { return Lookup::seen(path.to_owned()) };
    let Some((variable, rest)) = rest.split_once('%') else {
        return Lookup::seen(path.to_owned());
    };
    let root = text(system.registry_value(VERSION, "SystemRoot"));
    let start = match variable.to_ascii_lowercase().as_str() {
        "systemroot" | "windir" => root,
        "systemdrive" => root.map_seen(|root| root.chars().take(2).collect()),
        "programdata" | "allusersprofile" => {
            match text(system.registry_value(PROFILES, "ProgramData")) {
                // The usual value is itself `%SystemDrive%\ProgramData`.
                Lookup::Seen { value } if value.starts_with('%') => expand(system, &value),
                other => other,
            }
        }
        "userprofile" => text(system.registry_value(SESSION, "USERPROFILE")),
        "localappdata" => text(system.registry_value(SESSION, "LOCALAPPDATA")),
        // The usual value is itself `%USERPROFILE%\Documents`.
        "personal" => match text(system.registry_value(SHELL_FOLDERS, "Personal")) {
            Lookup::Seen { value } if value.to_ascii_lowercase().starts_with("%personal%") => {
                Lookup::unavailable("the folder of documents is said to lie in itself")
            }
            Lookup::Seen { value } => expand(system, &value),
            other => other,
        },
        _ => Lookup::unavailable(format!("%{variable}% is not known")),
    };
    start.map_seen(|start| format!("{start}{rest}"))
}

fn text(data: Lookup<RegistryData>) -> Lookup<String> {
    match data {
        Lookup::Seen { value } => value.text().map_or_else(
            || Lookup::unavailable("the registry holds no text there"),
            |text| Lookup::seen(text.to_owned()),
        ),
        Lookup::Absent => Lookup::Absent,
        Lookup::Unavailable { why } => Lookup::Unavailable { why },
    }
}
