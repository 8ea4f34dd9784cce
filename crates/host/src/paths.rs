//! Variables in the paths of files.

use rdpdoctor_model::{Lookup, RegistryData};

use crate::System;

const VERSION: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion";
const PROFILES: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList";

/// Puts `%SystemRoot%`, `%SystemDrive%` and `%ProgramData%` in, as the machine itself has them.
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
