//! Files and folders.

use std::fs;
use std::io::Read as _;
use std::time::UNIX_EPOCH;

use rdpdoctor_model::{FileState, Lookup, Timestamp};
use windows_sys::Win32::Storage::FileSystem::{MOVEFILE_WRITE_THROUGH, MoveFileExW};

use super::security;
use super::text::{NOT_FOUND, absent_or, last_error, number, why, wide};
use crate::system::disk::program_version;
use crate::system::{Changed, MOST_NAMES, NotChanged};

/// A file's length, age, version and access.
pub(super) fn state(path: &str) -> Lookup<FileState> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => return absent_or(number(&error), &NOT_FOUND),
    };
    let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let modified = modified.and_then(|since| i64::try_from(since.as_secs()).ok());
    Lookup::seen(FileState {
        length: if metadata.is_dir() { 0 } else { metadata.len() },
        modified: modified.and_then(Timestamp::from_unix_seconds),
        version: program_version(path, metadata.len(), &|most| read(path, most)),
        access: match security::of_file(path) {
            Ok(sddl) => Lookup::seen(sddl),
            Err(error) => absent_or(error, &NOT_FOUND),
        },
    })
}

/// A file's bytes, the first ones.
pub(super) fn read(path: &str, most: u64) -> Lookup<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
    match read {
        Ok(_) => Lookup::seen(bytes),
        Err(error) => absent_or(number(&error), &NOT_FOUND),
    }
}

/// The names in a folder.
pub(super) fn names(path: &str) -> Lookup<Vec<String>> {
    match fs::read_dir(path) {
        Ok(entries) => {
            let names = entries.take(MOST_NAMES).filter_map(Result::ok);
            Lookup::seen(names.map(|e| e.file_name().to_string_lossy().into_owned()).collect())
        }
        Err(error) => absent_or(number(&error), &NOT_FOUND),
    }
}

/// Moves a file on its volume. The standard library would write over what has the new name.
#[expect(unsafe_code, reason = "a call of Windows")]
pub(super) fn rename(from: &str, to: &str) -> Changed {
    let (old, new) = (wide(from), wide(to));
    // SAFETY: both are UTF-16 with a zero behind them, and live until it returns.
    let done = unsafe { MoveFileExW(old.as_ptr(), new.as_ptr(), MOVEFILE_WRITE_THROUGH) };
    if done != 0 {
        return Ok(());
    }
    Err(NotChanged(format!("{from}: {}", why(last_error()))))
}
