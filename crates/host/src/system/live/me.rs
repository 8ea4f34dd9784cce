//! Who runs this program, where, with which rights, and since when the machine is up.

use std::mem::size_of;
use std::ptr::null_mut;

use rdpdoctor_model::Lookup;
use windows_sys::Win32::Foundation::{CloseHandle, HANDLE, LUID};
use windows_sys::Win32::Security::Authentication::Identity::{GetUserNameExW, NameSamCompatible};
use windows_sys::Win32::Security::{
    AdjustTokenPrivileges, GetTokenInformation, LUID_AND_ATTRIBUTES, LookupPrivilegeValueW,
    SE_PRIVILEGE_ENABLED, TOKEN_ADJUST_PRIVILEGES, TOKEN_ELEVATION, TOKEN_PRIVILEGES, TOKEN_QUERY,
    TokenElevation,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

use super::text::{could_not, last_error, until_zero, wide};
use super::{processes, registry, sessions};
use crate::System;
use crate::system::WINRM_SESSION;

const NAME: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\ComputerName\ActiveComputerName";

/// A key that is gone with the next start of the machine.
const THIS_START: &str = r"SOFTWARE\rdpdoctor\This start";

/// What a file's owner and access take (winnt.h).
const PRIVILEGES: [&str; 3] =
    ["SeTakeOwnershipPrivilege", "SeRestorePrivilege", "SeBackupPrivilege"];

/// Hosts of PowerShell and of commands over WinRM.
const WINRM: [&str; 2] = ["wsmprovhost.exe", "winrshost.exe"];

/// Variables that OpenSSH's server sets.
const SSH: [&str; 2] = ["SSH_CONNECTION", "SSH_CLIENT"];

/// Who started whom is followed so far.
const DEEPEST: usize = 32;

/// The computer's name.
pub(super) fn computer(system: &dyn System) -> Lookup<String> {
    match system.registry_value(NAME, "ComputerName") {
        Lookup::Seen { value } => {
            value.text().map_or(Lookup::Absent, |name| Lookup::seen(name.to_owned()))
        }
        Lookup::Absent => Lookup::Absent,
        Lookup::Unavailable { why } => Lookup::Unavailable { why },
    }
}

struct Token(HANDLE);

impl Token {
    #[expect(unsafe_code, reason = "calls of Windows")]
    fn open(access: u32) -> Option<Self> {
        let mut token = null_mut();
        // SAFETY: the process is this one, and the handle is taken.
        let done = unsafe { OpenProcessToken(GetCurrentProcess(), access, &raw mut token) };
        (done != 0).then_some(Self(token))
    }
}

impl Drop for Token {
    #[expect(unsafe_code, reason = "a call of Windows")]
    fn drop(&mut self) {
        // SAFETY: it was opened, and nobody has it after this.
        unsafe { CloseHandle(self.0) };
    }
}

/// Whether the rights are those of an administrator.
#[expect(unsafe_code, reason = "a call of Windows")]
pub(super) fn is_elevated() -> Option<bool> {
    let token = Token::open(TOKEN_QUERY)?;
    let mut elevation = TOKEN_ELEVATION::default();
    let length = u32::try_from(size_of::<TOKEN_ELEVATION>()).unwrap_or_default();
    let mut written = 0;
    // SAFETY: the structure is as long as is said.
    let done = unsafe {
        GetTokenInformation(
            token.0,
            TokenElevation,
            (&raw mut elevation).cast(),
            length,
            &raw mut written,
        )
    };
    (done != 0).then_some(elevation.TokenIsElevated != 0)
}

/// Makes use of rights that an administrator has and does not use by himself. Where they are not
/// given, the change that wants them says so.
#[expect(unsafe_code, reason = "calls of Windows")]
pub(super) fn use_rights() {
    let Some(token) = Token::open(TOKEN_QUERY | TOKEN_ADJUST_PRIVILEGES) else { return };
    for name in PRIVILEGES {
        let name = wide(name);
        let mut number = LUID::default();
        // SAFETY: the name ends with a zero, and the number is written where it stands.
        if unsafe { LookupPrivilegeValueW(std::ptr::null(), name.as_ptr(), &raw mut number) } == 0 {
            continue;
        }
        let privileges = TOKEN_PRIVILEGES {
            PrivilegeCount: 1,
            Privileges: [LUID_AND_ATTRIBUTES { Luid: number, Attributes: SE_PRIVILEGE_ENABLED }],
        };
        // SAFETY: the structure holds the one that it says; what was before is not asked for.
        unsafe {
            AdjustTokenPrivileges(token.0, 0, &raw const privileges, 0, null_mut(), null_mut());
        }
    }
}

/// `DOMAIN\user`.
#[expect(unsafe_code, reason = "a call of Windows")]
pub(super) fn user() -> Lookup<String> {
    let mut name = [0_u16; 512];
    let mut length = 512;
    // SAFETY: the length is the array's.
    if unsafe { GetUserNameExW(NameSamCompatible, name.as_mut_ptr(), &raw mut length) } {
        return Lookup::seen(until_zero(&name));
    }
    could_not(last_error())
}

/// By which way the caller came, where a change could cut it.
pub(super) fn came_by() -> Option<String> {
    let session = sessions::own();
    if session.is_some_and(sessions::is_remote) {
        return Some("a Remote Desktop session".to_owned());
    }
    if SSH.iter().any(|name| std::env::var_os(name).is_some()) {
        return Some("an SSH session".to_owned());
    }
    let all = processes::all();
    let mut number = std::process::id();
    for _ in 0..DEEPEST {
        let process = all.get(&number)?;
        if WINRM.iter().any(|name| process.program.eq_ignore_ascii_case(name)) {
            return Some(WINRM_SESSION.to_owned());
        }
        number = process.parent;
    }
    None
}

/// What differs from one start of the machine to the next. The time of the start would change with
/// the clock; so it is a key that does not outlast the start.
pub(super) fn boot() -> Lookup<String> {
    let new = format!("{:x}", rdpdoctor_model::Timestamp::now().unix_millis());
    match registry::until_restart(THIS_START, "Name", &new) {
        Ok(name) => Lookup::seen(name),
        Err(error) => could_not(error),
    }
}
