//! The fixed volumes.

use rdpdoctor_model::{Lookup, Volume};
use windows_sys::Win32::Storage::FileSystem::{
    GetDiskFreeSpaceExW, GetDriveTypeW, GetLogicalDrives,
};

use super::text::{could_not, last_error, wide};

/// DRIVE_FIXED.
const FIXED: u32 = 3;

/// Those with a letter that do not go away.
#[expect(unsafe_code, reason = "calls of Windows")]
pub(super) fn fixed() -> Lookup<Vec<Volume>> {
    // SAFETY: it takes nothing.
    let drives = unsafe { GetLogicalDrives() };
    if drives == 0 {
        return could_not(last_error());
    }
    let letters = ('A'..='Z').enumerate().filter(|(bit, _)| drives & (1 << bit) != 0);
    Lookup::seen(letters.filter_map(|(_, letter)| volume(letter)).collect())
}

#[expect(unsafe_code, reason = "calls of Windows")]
fn volume(letter: char) -> Option<Volume> {
    let root = wide(&format!(r"{letter}:\"));
    let (mut own, mut total, mut free) = (0, 0, 0);
    // SAFETY: the path ends with a zero, and each number is written where it stands.
    let read = unsafe {
        GetDriveTypeW(root.as_ptr()) == FIXED
            && GetDiskFreeSpaceExW(root.as_ptr(), &raw mut own, &raw mut total, &raw mut free) != 0
    };
    read.then(|| Volume { path: format!("{letter}:"), total, free })
}
