//! The processes that run: their names, and who started them.

use std::collections::BTreeMap;
use std::mem::size_of;

use windows_sys::Win32::Foundation::{CloseHandle, HANDLE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
};

use super::text::until_zero;

/// Processes that are looked at.
const MOST: usize = 1 << 16;

/// A process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    /// Its program's name.
    pub(super) program: String,
    /// Who started it.
    pub(super) parent: u32,
}

struct Snapshot(HANDLE);

impl Drop for Snapshot {
    #[expect(unsafe_code, reason = "a call of Windows")]
    fn drop(&mut self) {
        // SAFETY: it was opened, and nobody has it after this.
        unsafe { CloseHandle(self.0) };
    }
}

/// All of them, by their numbers; none where the system does not tell.
#[expect(unsafe_code, reason = "calls of Windows")]
pub(super) fn all() -> BTreeMap<u32, Process> {
    let mut found = BTreeMap::new();
    // SAFETY: it takes numbers alone.
    let snapshot = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0) };
    if snapshot == INVALID_HANDLE_VALUE {
        return found;
    }
    let snapshot = Snapshot(snapshot);
    let mut entry = PROCESSENTRY32W {
        dwSize: u32::try_from(size_of::<PROCESSENTRY32W>()).unwrap_or_default(),
        ..PROCESSENTRY32W::default()
    };
    // SAFETY: the structure says how long it is.
    let mut there = unsafe { Process32FirstW(snapshot.0, &raw mut entry) } != 0;
    while there && found.len() < MOST {
        let program = until_zero(&entry.szExeFile);
        let process = Process { program, parent: entry.th32ParentProcessID };
        found.insert(entry.th32ProcessID, process);
        // SAFETY: as above.
        there = unsafe { Process32NextW(snapshot.0, &raw mut entry) } != 0;
    }
    found
}
