//! What a change touches, as it stands, and as the change wants it.

use rdpdoctor_model::{Change, Hex, Lookup, RegistryData, State};

use super::sddl;
use crate::{System, store};

/// Where services are set up.
pub(super) const SERVICES: &str = r"HKLM\SYSTEM\CurrentControlSet\Services";

/// Reads what the change touches.
pub fn read(system: &dyn System, change: &Change) -> State {
    match change {
        Change::RegistryValue { key, name, .. } => State::RegistryValue {
            data: system.registry_value(key, name),
            missing_key: missing_key(system, key),
        },
        Change::ServiceStart { name, .. } => State::ServiceStart { start: start(system, name) },
        Change::StartService { name } | Change::RestartService { name } => {
            State::Service { current: system.service(name).map_seen(|state| state.current) }
        }
        Change::FileAccess { path, .. } => State::FileAccess { sddl: access(system, path) },
        Change::MoveFileAside { path } => {
            State::File { length: system.file(path).map_seen(|file| file.length) }
        }
        Change::RemoveCertificate { store, thumbprint } => {
            State::Certificate { entry: certificate(system, store, thumbprint) }
        }
        Change::RemoveCredential { target } => {
            State::Credential { there: credential(system, target) }
        }
        Change::ResetSession { session } => {
            State::Session { state: session_state(system, *session) }
        }
    }
}

/// The topmost key on the way that is not there; whoever goes back takes those away again.
fn missing_key(system: &dyn System, key: &str) -> Option<String> {
    let mut missing = None;
    let mut part = key;
    while system.registry_subkeys(part).is_absent() {
        missing = Some(part.to_owned());
        part = part.rsplit_once('\\')?.0;
    }
    missing
}

fn start(system: &dyn System, name: &str) -> Lookup<u64> {
    match system.registry_value(&format!(r"{SERVICES}\{name}"), "Start") {
        Lookup::Seen { value } => value
            .number()
            .map_or_else(|| Lookup::unavailable("its Start is no number"), Lookup::seen),
        Lookup::Absent => Lookup::Absent,
        Lookup::Unavailable { why } => Lookup::Unavailable { why },
    }
}

fn access(system: &dyn System, path: &str) -> Lookup<String> {
    match system.file(path) {
        Lookup::Seen { value } => value.access,
        Lookup::Absent => Lookup::Absent,
        Lookup::Unavailable { why } => Lookup::Unavailable { why },
    }
}

fn certificate(system: &dyn System, store: &str, thumbprint: &str) -> Lookup<Hex> {
    let key = format!(r"{}\{thumbprint}", store::key_of(store));
    match system.registry_value(&key, "Blob") {
        Lookup::Seen { value: RegistryData::Binary(entry) } => Lookup::seen(entry),
        Lookup::Seen { .. } => Lookup::unavailable("its entry in the store holds no bytes"),
        Lookup::Absent => Lookup::Absent,
        Lookup::Unavailable { why } => Lookup::Unavailable { why },
    }
}

fn credential(system: &dyn System, target: &str) -> Lookup<bool> {
    let known = system.saved_credentials();
    match &known {
        Lookup::Seen { value } => {
            let found = value.iter().any(|entry| entry.target.eq_ignore_ascii_case(target));
            if found { Lookup::seen(true) } else { Lookup::Absent }
        }
        Lookup::Absent => Lookup::Absent,
        Lookup::Unavailable { why } => Lookup::unavailable(why.clone()),
    }
}

fn session_state(system: &dyn System, session: u32) -> Lookup<u32> {
    let known = system.sessions();
    match &known {
        Lookup::Seen { value } => value
            .iter()
            .find(|entry| entry.session == session)
            .map_or(Lookup::Absent, |entry| Lookup::seen(entry.state)),
        Lookup::Absent => Lookup::Absent,
        Lookup::Unavailable { why } => Lookup::unavailable(why.clone()),
    }
}

/// Whether the state is the one that the change wants.
pub fn wanted(change: &Change, now: &State) -> bool {
    match (change, now) {
        (Change::RegistryValue { data, .. }, State::RegistryValue { data: now, .. }) => {
            match data {
                Some(data) => now.as_seen() == Some(data),
                None => now.is_absent(),
            }
        }
        (Change::ServiceStart { start, .. }, State::ServiceStart { start: now }) => {
            now.as_seen() == Some(&u64::from(*start))
        }
        (
            Change::StartService { .. } | Change::RestartService { .. },
            State::Service { current },
        ) => current.as_seen() == Some(&rdpdoctor_model::ServiceState::RUNNING),
        (Change::FileAccess { sddl: wanted, .. }, State::FileAccess { sddl: now }) => {
            now.as_seen().is_some_and(|now| sddl::fulfils(now, wanted))
        }
        (Change::MoveFileAside { .. }, State::File { length }) => length.is_absent(),
        (Change::RemoveCertificate { .. }, State::Certificate { entry }) => entry.is_absent(),
        (Change::RemoveCredential { .. }, State::Credential { there }) => there.is_absent(),
        // A reset session is gone, or somebody signed in anew: what was open is lost either way.
        (Change::ResetSession { .. }, State::Session { .. }) => true,
        _ => false,
    }
}

/// Whether two states are one; lists of access that Windows wrote in two ways are. Which keys on the
/// way to a value are there is no part of it: a step before this one may have made them.
pub(super) fn same(a: &State, b: &State) -> bool {
    match (a, b) {
        (State::RegistryValue { data: a, .. }, State::RegistryValue { data: b, .. }) => a == b,
        (
            State::FileAccess { sddl: Lookup::Seen { value: a } },
            State::FileAccess { sddl: Lookup::Seen { value: b } },
        ) => sddl::fulfils(a, b) && sddl::fulfils(b, a),
        _ => a == b,
    }
}
