//! Who holds a right of the local security policy (ntsecapi.h).

use std::ptr::{null, null_mut};

use rdpdoctor_model::Lookup;
use windows_sys::Win32::Security::Authentication::Identity::{
    LSA_ENUMERATION_INFORMATION, LSA_HANDLE, LSA_OBJECT_ATTRIBUTES, LSA_UNICODE_STRING, LsaClose,
    LsaEnumerateAccountsWithUserRight, LsaFreeMemory, LsaNtStatusToWinError, LsaOpenPolicy,
    POLICY_LOOKUP_NAMES, POLICY_VIEW_LOCAL_INFORMATION,
};

use super::security::sid_text;
use super::text::{absent_or, could_not};

/// Holders that are read at most.
const MOST: usize = 4_096;

/// ERROR_NO_MORE_ITEMS: nobody holds it.
const NOBODY: u32 = 259;

struct Policy(LSA_HANDLE);

impl Drop for Policy {
    #[expect(unsafe_code, reason = "a call of Windows")]
    fn drop(&mut self) {
        // SAFETY: it was opened, and nobody has it after this.
        unsafe { LsaClose(self.0) };
    }
}

struct Given(*mut core::ffi::c_void);

impl Drop for Given {
    #[expect(unsafe_code, reason = "a call of Windows")]
    fn drop(&mut self) {
        // SAFETY: Windows gave it to be freed so, and nobody has it after this.
        unsafe { LsaFreeMemory(self.0) };
    }
}

/// The SIDs that hold it. Absent when nobody does.
#[expect(unsafe_code, reason = "calls of Windows")]
pub(super) fn holders(right: &str) -> Lookup<Vec<String>> {
    let attributes = LSA_OBJECT_ATTRIBUTES::default();
    let access = POLICY_LOOKUP_NAMES | POLICY_VIEW_LOCAL_INFORMATION;
    let mut policy = LSA_HANDLE::default();
    // SAFETY: no name is this machine, and the attributes are not looked at.
    let status = unsafe {
        LsaOpenPolicy(
            null(),
            &raw const attributes,
            u32::try_from(access).unwrap_or_default(),
            &raw mut policy,
        )
    };
    if status != 0 {
        return could_not(number(status));
    }
    let policy = Policy(policy);
    let mut units: Vec<u16> = right.encode_utf16().collect();
    let length = u16::try_from(units.len() * 2).unwrap_or_default();
    let name =
        LSA_UNICODE_STRING { Length: length, MaximumLength: length, Buffer: units.as_mut_ptr() };
    let mut list = null_mut();
    let mut count = 0;
    // SAFETY: the policy is open, the name is as long as it says, the list is taken by `Given`.
    let status = unsafe {
        LsaEnumerateAccountsWithUserRight(policy.0, &raw const name, &raw mut list, &raw mut count)
    };
    let list = Given(list);
    if status != 0 {
        return absent_or(number(status), &[NOBODY]);
    }
    let count = usize::try_from(count).unwrap_or_default().min(MOST);
    if count == 0 {
        return Lookup::Absent;
    }
    let entries = list.0.cast::<LSA_ENUMERATION_INFORMATION>();
    // SAFETY: Windows wrote `count` of them there, and their SIDs behind them.
    let holders = (0..count).filter_map(|index| unsafe { sid_text((*entries.add(index)).Sid) });
    Lookup::seen(holders.collect())
}

#[expect(unsafe_code, reason = "a call of Windows")]
fn number(status: i32) -> u32 {
    // SAFETY: it takes a number alone.
    unsafe { LsaNtStatusToWinError(status) }
}
