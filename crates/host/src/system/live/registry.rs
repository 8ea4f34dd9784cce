//! The registry, through `windows-registry`.

use rdpdoctor_model::{Hex, Lookup, RegistryData};
use windows_registry::{CURRENT_USER, Key, LOCAL_MACHINE, Type};

use super::text::{NOT_FOUND, absent_or, number_in, why};
use crate::system::disk::value_data;
use crate::system::{Changed, MOST_NAMES, MOST_VALUES, NotChanged};

/// ERROR_KEY_DELETED.
const DELETED: u32 = 1018;

/// REG_BINARY.
const BINARY: u32 = 3;

const ABSENT: [u32; 3] = [NOT_FOUND[0], NOT_FOUND[1], DELETED];

/// The root of a path, and what is behind it.
fn place(key: &str) -> Result<(&'static Key, &str), String> {
    let (root, path) = key.split_once('\\').unwrap_or((key, ""));
    match root.to_ascii_uppercase().as_str() {
        "HKLM" => Ok((LOCAL_MACHINE, path)),
        "HKCU" => Ok((CURRENT_USER, path)),
        _ => Err(format!("{key} is no key that is read here")),
    }
}

fn open(key: &str) -> Lookup<Key> {
    match place(key) {
        Ok((root, path)) => match root.open(path) {
            Ok(key) => Lookup::seen(key),
            Err(error) => absent_or(number_in(error.code().0), &ABSENT),
        },
        Err(why) => Lookup::Unavailable { why },
    }
}

/// A value.
pub(super) fn value(key: &str, name: &str) -> Lookup<RegistryData> {
    match open(key) {
        Lookup::Seen { value: key } => match key.get_value(name) {
            Ok(value) => Lookup::seen(value_data(value.ty().into(), &value)),
            Err(error) => absent_or(number_in(error.code().0), &ABSENT),
        },
        Lookup::Absent => Lookup::Absent,
        Lookup::Unavailable { why } => Lookup::Unavailable { why },
    }
}

/// All values of a key.
pub(super) fn values(key: &str) -> Lookup<Vec<(String, RegistryData)>> {
    match open(key) {
        Lookup::Seen { value: key } => match key.values() {
            Ok(values) => Lookup::seen(
                values
                    .take(MOST_VALUES)
                    .map(|(name, value)| (name, value_data(value.ty().into(), &value)))
                    .collect(),
            ),
            Err(error) => absent_or(number_in(error.code().0), &ABSENT),
        },
        Lookup::Absent => Lookup::Absent,
        Lookup::Unavailable { why } => Lookup::Unavailable { why },
    }
}

/// The keys in a key.
pub(super) fn subkeys(key: &str) -> Lookup<Vec<String>> {
    match open(key) {
        Lookup::Seen { value: key } => match key.keys() {
            Ok(keys) => Lookup::seen(keys.take(MOST_NAMES).collect()),
            Err(error) => absent_or(number_in(error.code().0), &ABSENT),
        },
        Lookup::Absent => Lookup::Absent,
        Lookup::Unavailable { why } => Lookup::Unavailable { why },
    }
}

/// Sets a value, or takes it away.
pub(super) fn set(key: &str, name: &str, data: Option<&RegistryData>) -> Changed {
    let (root, path) = place(key).map_err(NotChanged)?;
    let failed = |code: i32| NotChanged(format!(r"{key} : {name}: {}", why(number_in(code))));
    let Some(data) = data else {
        let removed =
            root.options().read().write().open(path).and_then(|key| key.remove_value(name));
        return match removed {
            Err(error) if !ABSENT.contains(&number_in(error.code().0)) => {
                Err(failed(error.code().0))
            }
            _ => Ok(()),
        };
    };
    let (kind, bytes) = bytes_of(data);
    let made = root.create(path).and_then(|key| key.set_bytes(name, kind, &bytes));
    made.map_err(|error| failed(error.code().0))
}

/// A value as Windows keeps it; texts end with a zero.
fn bytes_of(data: &RegistryData) -> (Type, Vec<u8>) {
    let wide = |text: &str| -> Vec<u8> {
        super::text::wide(text).into_iter().flat_map(u16::to_le_bytes).collect()
    };
    match data {
        RegistryData::Dword(number) => (Type::U32, number.to_le_bytes().to_vec()),
        RegistryData::Qword(number) => (Type::U64, number.to_le_bytes().to_vec()),
        RegistryData::Text(text) => (Type::String, wide(text)),
        RegistryData::ExpandText(text) => (Type::ExpandString, wide(text)),
        RegistryData::Texts(texts) => {
            let lines = texts.iter().flat_map(|text| wide(text));
            (Type::MultiString, lines.chain([0, 0]).collect())
        }
        RegistryData::Binary(Hex(bytes)) => (Type::from(BINARY), bytes.clone()),
    }
}

/// Removes a key that holds nothing.
pub(super) fn remove_empty(key: &str) -> Changed {
    let (root, path) = place(key).map_err(NotChanged)?;
    let Some((above, name)) = path.rsplit_once('\\') else { return Ok(()) };
    let Lookup::Seen { value: own } = open(key) else { return Ok(()) };
    let holds = own.keys().map_or(true, |mut keys| keys.next().is_some())
        || own.values().map_or(true, |mut values| values.next().is_some());
    if holds {
        return Ok(());
    }
    drop(own);
    let removed =
        root.options().read().write().open(above).and_then(|above| above.remove_tree(name));
    removed.map_err(|error| NotChanged(format!("{key}: {}", why(number_in(error.code().0)))))
}

/// What stands in a key that is gone with the next start of the machine; it is put there first where
/// nothing does.
pub(super) fn until_restart(path: &str, name: &str, text: &str) -> Result<String, u32> {
    let number = |code: i32| number_in(code);
    let key = LOCAL_MACHINE.options().read().open(path).and_then(|key| key.get_string(name));
    if let Ok(known) = key {
        return Ok(known);
    }
    let made = LOCAL_MACHINE.options().read().write().create().volatile().open(path);
    let made = made.map_err(|error| number(error.code().0))?;
    made.set_string(name, text).map_err(|error| number(error.code().0))?;
    Ok(text.to_owned())
}
