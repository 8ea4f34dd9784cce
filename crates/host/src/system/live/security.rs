//! Security descriptors and SIDs as text, by Windows' own converters.

use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::Security::Authorization::{
    ConvertSecurityDescriptorToStringSecurityDescriptorW, ConvertSidToStringSidW,
    ConvertStringSecurityDescriptorToSecurityDescriptorW, ConvertStringSidToSidW,
    GetNamedSecurityInfoW, SDDL_REVISION_1, SE_FILE_OBJECT, SetNamedSecurityInfoW,
};
use windows_sys::Win32::Security::{
    ACL, DACL_SECURITY_INFORMATION, GROUP_SECURITY_INFORMATION, GetSecurityDescriptorControl,
    GetSecurityDescriptorDacl, GetSecurityDescriptorGroup, GetSecurityDescriptorOwner,
    LookupAccountNameW, LookupAccountSidW, OWNER_SECURITY_INFORMATION,
    PROTECTED_DACL_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID, SE_DACL_PROTECTED,
    UNPROTECTED_DACL_SECURITY_INFORMATION,
};

use super::text::{self, last_error, until_zero, wide};

/// Owner, group and DACL.
const PARTS: u32 =
    OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;

/// SECURITY_MAX_SID_SIZE.
const LONGEST_SID: usize = 68;

/// What Windows gave and wants back by `LocalFree`.
struct Given(*mut core::ffi::c_void);

impl Drop for Given {
    #[expect(unsafe_code, reason = "a call of Windows")]
    fn drop(&mut self) {
        // SAFETY: Windows gave it to be freed so, and nobody has it after this.
        unsafe { LocalFree(self.0) };
    }
}

/// Who may do what with a file, in SDDL.
#[expect(unsafe_code, reason = "calls of Windows")]
pub(super) fn of_file(path: &str) -> Result<String, u32> {
    let path = wide(path);
    let mut descriptor: PSECURITY_DESCRIPTOR = null_mut();
    let mut shown: *mut u16 = null_mut();
    // SAFETY: the name ends with a zero; of what it can give only the descriptor is asked for.
    let error = unsafe {
        GetNamedSecurityInfoW(
            path.as_ptr(),
            SE_FILE_OBJECT,
            PARTS,
            null_mut(),
            null_mut(),
            null_mut(),
            null_mut(),
            &raw mut descriptor,
        )
    };
    if error != 0 {
        return Err(error);
    }
    let descriptor = Given(descriptor);
    // SAFETY: the descriptor is Windows' own and lives on; the text is taken by `Given`.
    let done = unsafe {
        ConvertSecurityDescriptorToStringSecurityDescriptorW(
            descriptor.0,
            SDDL_REVISION_1,
            PARTS,
            &raw mut shown,
            null_mut(),
        )
    };
    if done == 0 {
        return Err(last_error());
    }
    let shown = Given(shown.cast());
    // SAFETY: it is a text of Windows, which a zero ends.
    Ok(unsafe { text::at(shown.0.cast()) })
}

/// Sets who may do what with a file, as far as the SDDL names it.
#[expect(unsafe_code, reason = "calls of Windows")]
pub(super) fn set_of_file(path: &str, sddl: &str) -> Result<(), u32> {
    let (path, sddl) = (wide(path), wide(sddl));
    let mut descriptor: PSECURITY_DESCRIPTOR = null_mut();
    // SAFETY: the text ends with a zero; the descriptor is taken by `Given`.
    let done = unsafe {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(
            sddl.as_ptr(),
            SDDL_REVISION_1,
            &raw mut descriptor,
            null_mut(),
        )
    };
    if done == 0 {
        return Err(last_error());
    }
    let descriptor = Given(descriptor);
    let (mut owner, mut group): (PSID, PSID) = (null_mut(), null_mut());
    let mut dacl: *mut ACL = null_mut();
    let (mut present, mut defaulted, mut control, mut revision) = (0, 0, 0, 0);
    // SAFETY: the descriptor is Windows' own; what the pointers lead to lies in it.
    let read = unsafe {
        GetSecurityDescriptorOwner(descriptor.0, &raw mut owner, &raw mut defaulted) != 0
            && GetSecurityDescriptorGroup(descriptor.0, &raw mut group, &raw mut defaulted) != 0
            && GetSecurityDescriptorDacl(
                descriptor.0,
                &raw mut present,
                &raw mut dacl,
                &raw mut defaulted,
            ) != 0
            && GetSecurityDescriptorControl(descriptor.0, &raw mut control, &raw mut revision) != 0
    };
    if !read {
        return Err(last_error());
    }
    let mut parts = 0;
    if !owner.is_null() {
        parts |= OWNER_SECURITY_INFORMATION;
    }
    if !group.is_null() {
        parts |= GROUP_SECURITY_INFORMATION;
    }
    if present != 0 {
        parts |= DACL_SECURITY_INFORMATION;
        parts |= match control & SE_DACL_PROTECTED {
            0 => UNPROTECTED_DACL_SECURITY_INFORMATION,
            _ => PROTECTED_DACL_SECURITY_INFORMATION,
        };
    }
    // SAFETY: every pointer is null or leads into the descriptor, which lives until the end.
    let error = unsafe {
        SetNamedSecurityInfoW(path.as_ptr(), SE_FILE_OBJECT, parts, owner, group, dacl, null())
    };
    if error == 0 { Ok(()) } else { Err(error) }
}

/// A SID as text.
///
/// # Safety
/// The pointer leads to a SID.
#[expect(unsafe_code, reason = "a call of Windows")]
pub(super) unsafe fn sid_text(sid: PSID) -> Option<String> {
    let mut shown: *mut u16 = null_mut();
    // SAFETY: it is a SID, as the caller says; the text is taken by `Given`.
    if sid.is_null() || unsafe { ConvertSidToStringSidW(sid, &raw mut shown) } == 0 {
        return None;
    }
    let shown = Given(shown.cast());
    // SAFETY: it is a text of Windows, which a zero ends.
    Some(unsafe { text::at(shown.0.cast()) })
}

/// The name of a SID on this machine, without its domain.
#[expect(unsafe_code, reason = "calls of Windows")]
pub(super) fn name_of(sid: &str) -> Result<String, u32> {
    let shown = wide(sid);
    let mut sid: PSID = null_mut();
    // SAFETY: the text ends with a zero; the SID is taken by `Given`.
    if unsafe { ConvertStringSidToSidW(shown.as_ptr(), &raw mut sid) } == 0 {
        return Err(last_error());
    }
    let sid = Given(sid);
    let (mut name, mut domain) = ([0_u16; 512], [0_u16; 512]);
    let (mut name_length, mut domain_length, mut kind) = (512, 512, 0);
    // SAFETY: the lengths are those of the two arrays.
    let done = unsafe {
        LookupAccountSidW(
            null(),
            sid.0,
            name.as_mut_ptr(),
            &raw mut name_length,
            domain.as_mut_ptr(),
            &raw mut domain_length,
            &raw mut kind,
        )
    };
    if done == 0 { Err(last_error()) } else { Ok(until_zero(&name)) }
}

/// The SID of a name on this machine.
#[expect(unsafe_code, reason = "calls of Windows")]
pub(super) fn sid_of(name: &str) -> Result<String, u32> {
    let name = wide(name);
    let (mut sid, mut domain) = ([0_u64; LONGEST_SID.div_ceil(8)], [0_u16; 512]);
    let mut sid_length = u32::try_from(size_of_val(&sid)).unwrap_or_default();
    let (mut domain_length, mut kind) = (512, 0);
    // SAFETY: the lengths are those of the two arrays, and the first is aligned for a SID.
    let done = unsafe {
        LookupAccountNameW(
            null(),
            name.as_ptr(),
            sid.as_mut_ptr().cast(),
            &raw mut sid_length,
            domain.as_mut_ptr(),
            &raw mut domain_length,
            &raw mut kind,
        )
    };
    if done == 0 {
        return Err(last_error());
    }
    // SAFETY: Windows has just written a SID there.
    unsafe { sid_text(sid.as_mut_ptr().cast()) }.ok_or_else(last_error)
}
