//! The machine's own accounts and groups (lmaccess.h).

use std::ptr::{null, null_mut};

use rdpdoctor_model::{LocalAccount, Lookup, Timestamp};
use windows_sys::Win32::NetworkManagement::NetManagement::{
    FILTER_NORMAL_ACCOUNT, LOCALGROUP_MEMBERS_INFO_0, MAX_PREFERRED_LENGTH, NetApiBufferFree,
    NetLocalGroupGetMembers, NetUserEnum, USER_INFO_3,
};

use super::security::{name_of, sid_of, sid_text};
use super::text::{absent_or, at, could_not, wide};

/// Accounts and members that are read at most.
const MOST: usize = 4_096;

/// NERR_GroupNotFound, ERROR_NO_SUCH_ALIAS, ERROR_NONE_MAPPED.
const NO_GROUP: [u32; 3] = [2220, 1376, 1332];

/// ERROR_MORE_DATA.
const MORE: u32 = 234;

/// TIMEQ_FOREVER.
const NEVER: u32 = u32::MAX;

/// UF_PASSWORD_EXPIRED.
const PASSWORD_EXPIRED: u32 = 0x0080_0000;

/// What Windows gave and wants back.
struct Given(*mut u8);

impl Drop for Given {
    #[expect(unsafe_code, reason = "a call of Windows")]
    fn drop(&mut self) {
        // SAFETY: Windows gave it to be freed so, and nobody has it after this.
        unsafe { NetApiBufferFree(self.0.cast()) };
    }
}

/// The SIDs in a group that is named by its SID.
#[expect(unsafe_code, reason = "calls of Windows")]
pub(super) fn members(group: &str) -> Lookup<Vec<String>> {
    // Its name is in the language of the machine.
    let name = match name_of(group) {
        Ok(name) => wide(&name),
        Err(error) => return absent_or(error, &NO_GROUP),
    };
    let mut list = null_mut();
    let (mut count, mut total, mut resume) = (0, 0, 0);
    // SAFETY: the name ends with a zero; the list is taken by `Given`.
    let error = unsafe {
        NetLocalGroupGetMembers(
            null(),
            name.as_ptr(),
            0,
            &raw mut list,
            MAX_PREFERRED_LENGTH,
            &raw mut count,
            &raw mut total,
            &raw mut resume,
        )
    };
    let list = Given(list);
    match error {
        0 => {}
        MORE => return Lookup::unavailable("the group has more members than Windows gives"),
        _ => return absent_or(error, &NO_GROUP),
    }
    let count = usize::try_from(count).unwrap_or_default().min(MOST);
    let entries = list.0.cast::<LOCALGROUP_MEMBERS_INFO_0>();
    // SAFETY: Windows wrote `count` of them there, and their SIDs behind them.
    let members = (0..count).filter_map(|i| unsafe { sid_text((*entries.add(i)).lgrmi0_sid) });
    Lookup::seen(members.collect())
}

/// The accounts.
#[expect(unsafe_code, reason = "calls of Windows")]
pub(super) fn all() -> Lookup<Vec<LocalAccount>> {
    let mut list = null_mut();
    let (mut count, mut total, mut resume) = (0, 0, 0);
    // SAFETY: no server is this machine; the list is taken by `Given`.
    let error = unsafe {
        NetUserEnum(
            null(),
            3,
            FILTER_NORMAL_ACCOUNT,
            &raw mut list,
            MAX_PREFERRED_LENGTH,
            &raw mut count,
            &raw mut total,
            &raw mut resume,
        )
    };
    let list = Given(list);
    match error {
        0 => {}
        // A domain controller has the accounts of its domain.
        MORE => return Lookup::unavailable("there are more accounts than Windows gives"),
        _ => return could_not(error),
    }
    let count = usize::try_from(count).unwrap_or_default().min(MOST);
    let entries = list.0.cast::<USER_INFO_3>();
    let computer = std::env::var("COMPUTERNAME").unwrap_or_default();
    // SAFETY: Windows wrote `count` of them there, and their texts behind them.
    let accounts = (0..count).map(|index| unsafe { account(&*entries.add(index), &computer) });
    Lookup::seen(accounts.collect())
}

/// An account.
///
/// # Safety
/// Windows wrote the entry.
#[expect(unsafe_code, reason = "structures of Windows hold their texts as pointers")]
unsafe fn account(entry: &USER_INFO_3, computer: &str) -> LocalAccount {
    // SAFETY: a zero ends a text of Windows.
    let name = unsafe { at(entry.usri3_name) };
    let expired = if entry.usri3_password_expired == 0 { 0 } else { PASSWORD_EXPIRED };
    let expires = Some(entry.usri3_acct_expires).filter(|at| !matches!(*at, 0 | NEVER));
    LocalAccount {
        sid: sid_of(&format!(r"{computer}\{name}")).unwrap_or_default(),
        name,
        flags: entry.usri3_flags | expired,
        expires: expires.and_then(|at| Timestamp::from_unix_seconds(i64::from(at))),
    }
}
