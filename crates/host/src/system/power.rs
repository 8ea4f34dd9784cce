//! The power plan in use, as the registry keeps it: a value in the plan, else the setting's default
//! for that plan (documentation of `powercfg`; the GUIDs are winnt.h's GUID_STANDBY_TIMEOUT and
//! GUID_HIBERNATE_TIMEOUT below GUID_SLEEP_SUBGROUP).

use rdpdoctor_model::{Lookup, RegistryData};

use crate::System;

const PLANS: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Power\User\PowerSchemes";
const SETTINGS: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Power\PowerSettings";
const SLEEP: &str = "238c9fa8-0aad-41ed-83f4-97be242c8f20";
const STANDBY_IDLE: &str = "29f6c1db-86da-48c5-9fdb-f2b67b1f44da";
const HIBERNATE_IDLE: &str = "9d7815a6-7ee4-497e-8888-515a05f02364";

/// Seconds until it sleeps, and until it hibernates, on mains power. Absent is never.
pub(super) fn plan(system: &dyn System) -> (Lookup<u32>, Lookup<u32>) {
    let plan = match system.registry_value(PLANS, "ActivePowerScheme") {
        Lookup::Seen { value } => value.text().map(str::to_owned).ok_or_else(unknown),
        Lookup::Absent => Err(unknown()),
        Lookup::Unavailable { why } => Err(why),
    };
    match plan {
        Ok(plan) => (after(system, &plan, STANDBY_IDLE), after(system, &plan, HIBERNATE_IDLE)),
        Err(why) => (Lookup::unavailable(why.clone()), Lookup::Unavailable { why }),
    }
}

fn unknown() -> String {
    "the registry does not say which power plan is in use".to_owned()
}

fn after(system: &dyn System, plan: &str, setting: &str) -> Lookup<u32> {
    let own =
        system.registry_value(&format!(r"{PLANS}\{plan}\{SLEEP}\{setting}"), "ACSettingIndex");
    let found = match own {
        Lookup::Absent => {
            let key = format!(r"{SETTINGS}\{SLEEP}\{setting}\DefaultPowerSchemeValues\{plan}");
            system.registry_value(&key, "AcSettingIndex")
        }
        other => other,
    };
    match found {
        Lookup::Seen { value: RegistryData::Dword(0) } => Lookup::Absent,
        Lookup::Seen { value: RegistryData::Dword(seconds) } => Lookup::seen(seconds),
        Lookup::Seen { .. } | Lookup::Absent => {
            Lookup::unavailable("neither the power plan nor its defaults say")
        }
        Lookup::Unavailable { why } => Lookup::Unavailable { why },
    }
}
