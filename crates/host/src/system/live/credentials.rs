//! Saved credentials for Remote Desktop, by name. What is secret in them is never copied.

use std::ptr::{null, null_mut};

use rdpdoctor_model::{Lookup, SavedCredential, Timestamp};
use windows_sys::Win32::Security::Credentials::{
    CREDENTIALW, CredDeleteW, CredEnumerateW, CredFree,
};

use super::text::{at, could_not, last_error, why, wide};
use crate::system::{Changed, MOST_NAMES, NotChanged};

/// ERROR_NOT_FOUND.
const NONE: u32 = 1168;

/// What the client saves begins so.
const START: &str = "TERMSRV/";

struct Given(*mut *mut CREDENTIALW);

impl Drop for Given {
    #[expect(unsafe_code, reason = "a call of Windows")]
    fn drop(&mut self) {
        // SAFETY: Windows gave it to be freed so, and nobody has it after this.
        unsafe { CredFree(self.0.cast()) };
    }
}

/// The entries, and the kind of each.
#[expect(unsafe_code, reason = "calls of Windows")]
fn entries() -> Result<Vec<(u32, SavedCredential)>, u32> {
    let mut list = null_mut();
    let mut count = 0;
    // SAFETY: without a filter it gives all of the user; the list is taken by `Given`.
    if unsafe { CredEnumerateW(null(), 0, &raw mut count, &raw mut list) } == 0 {
        let error = last_error();
        return if error == NONE { Ok(Vec::new()) } else { Err(error) };
    }
    let list = Given(list);
    let mut found = Vec::new();
    for index in 0..usize::try_from(count).unwrap_or_default().min(MOST_NAMES) {
        // SAFETY: Windows wrote `count` pointers there, each to an entry with its texts.
        let (kind, target, user, written) = unsafe {
            let entry = &**list.0.add(index);
            (entry.Type, at(entry.TargetName), at(entry.UserName), entry.LastWritten)
        };
        if !target.to_ascii_uppercase().starts_with(START) {
            continue;
        }
        let ticks = u64::from(written.dwHighDateTime) << 32 | u64::from(written.dwLowDateTime);
        let written_at = Timestamp::from_filetime(ticks).filter(|_| ticks > 0);
        let user = Some(user).filter(|user| !user.is_empty());
        found.push((kind, SavedCredential { target, user, written_at }));
    }
    Ok(found)
}

/// The names of those for Remote Desktop.
pub(super) fn saved() -> Lookup<Vec<SavedCredential>> {
    match entries() {
        Ok(entries) => Lookup::seen(entries.into_iter().map(|(_, entry)| entry).collect()),
        Err(error) => could_not(error),
    }
}

/// Removes an entry of this name, whatever its kind.
#[expect(unsafe_code, reason = "a call of Windows")]
pub(super) fn remove(target: &str) -> Changed {
    let failed = |error| NotChanged(format!("{target}: {}", why(error)));
    for (kind, entry) in entries().map_err(failed)? {
        if !entry.target.eq_ignore_ascii_case(target) {
            continue;
        }
        let name = wide(&entry.target);
        // SAFETY: the name ends with a zero.
        if unsafe { CredDeleteW(name.as_ptr(), kind, 0) } == 0 {
            let error = last_error();
            if error != NONE {
                return Err(failed(error));
            }
        }
    }
    Ok(())
}
