//! Accounts, groups and rights, as SAM and SECURITY keep them. Microsoft documents neither; the
//! places are those that the published readers of both agree on (impacket's `secretsdump`, Samba's
//! `pdb` flags, RegRipper's `samparse`). Of an account only name, number, flags and expiry are
//! taken; what is kept of its password is never looked at.

use rdpdoctor_model::{LocalAccount, Lookup, RegistryData, Timestamp};

use super::Disk;
use super::sddl;
use crate::System;

const ACCOUNT: &str = r"HKLM\SAM\SAM\Domains\Account";
const BUILTIN: &str = r"HKLM\SAM\SAM\Domains\Builtin";
const POLICY: &str = r"HKLM\SECURITY\Policy\Accounts";

/// Where in V the offsets begin to count.
const V_DATA: usize = 0xCC;

/// Where in C the offsets begin to count.
const C_DATA: usize = 0x34;

/// Accounts and members that are read at most.
const MOST: usize = 4_096;

/// "Never" as a FILETIME.
const NEVER: u64 = i64::MAX.cast_unsigned();

/// SAM's flags of an account (samr.idl, acct_flags) and those of the API (lmaccess.h, UF_*).
const FLAGS: [(u16, u32); 5] =
    [(0x0001, 0x2), (0x0004, 0x20), (0x0010, 0x200), (0x0200, 0x1_0000), (0x0400, 0x10)];

/// The rights that are kept as bits of ActSysAc (ntsecapi.h, SECURITY_ACCESS_*).
const RIGHTS: [(&str, u32); 10] = [
    ("SeInteractiveLogonRight", 0x0001),
    ("SeNetworkLogonRight", 0x0002),
    ("SeBatchLogonRight", 0x0004),
    ("SeServiceLogonRight", 0x0010),
    ("SeDenyInteractiveLogonRight", 0x0040),
    ("SeDenyNetworkLogonRight", 0x0080),
    ("SeDenyBatchLogonRight", 0x0100),
    ("SeDenyServiceLogonRight", 0x0200),
    ("SeRemoteInteractiveLogonRight", 0x0400),
    ("SeDenyRemoteInteractiveLogonRight", 0x0800),
];

/// The machine's own accounts.
pub(super) fn accounts(disk: &Disk) -> Lookup<Vec<LocalAccount>> {
    let machine = match machine(disk) {
        Ok(machine) => machine,
        Err(why) => return Lookup::Unavailable { why },
    };
    let users = format!(r"{ACCOUNT}\Users");
    let numbers = match disk.registry_subkeys(&users) {
        Lookup::Seen { value } => value,
        Lookup::Absent => return Lookup::unavailable("SAM holds no list of accounts"),
        Lookup::Unavailable { why } => return Lookup::Unavailable { why },
    };
    // Beside the accounts lies `Names`.
    let numbers = numbers.iter().filter_map(|name| u32::from_str_radix(name, 16).ok());
    let mut accounts = Vec::new();
    for number in numbers.take(MOST) {
        let key = format!(r"{users}\{number:08X}");
        let (Some(f), Some(v)) = (bytes(disk, &key, "F"), bytes(disk, &key, "V")) else {
            return Lookup::unavailable(format!("the account {number} in SAM is damaged"));
        };
        match account(&machine, number, &f, &v) {
            Some(account) => accounts.push(account),
            None => {
                return Lookup::unavailable(format!("the account {number} in SAM is damaged"));
            }
        }
    }
    Lookup::seen(accounts)
}

fn account(machine: &str, number: u32, f: &[u8], v: &[u8]) -> Option<LocalAccount> {
    let expires = u64::from_le_bytes(*f.get(0x20..)?.first_chunk()?);
    let sam = u16::from_le_bytes(*f.get(0x38..)?.first_chunk()?);
    let name = text(v, V_DATA, 0x0C)?;
    let flags = FLAGS.iter().filter(|(bit, _)| sam & bit != 0).map(|(_, flag)| flag).sum();
    let expires = Some(expires).filter(|expires| !matches!(*expires, 0 | NEVER));
    Some(LocalAccount {
        name,
        sid: format!("{machine}-{number}"),
        flags,
        expires: expires.and_then(Timestamp::from_filetime),
    })
}

/// The machine's SID: the end of V of its domain of accounts.
fn machine(disk: &Disk) -> Result<String, String> {
    let v = match disk.registry_value(ACCOUNT, "V") {
        Lookup::Seen { value } => value.bytes().map(<[u8]>::to_vec).unwrap_or_default(),
        Lookup::Absent => return Err("SAM does not name the machine".to_owned()),
        Lookup::Unavailable { why } => return Err(why),
    };
    let parts = v.last_chunk::<12>().ok_or("SAM does not name the machine")?;
    let (parts, _) = parts.as_chunks::<4>();
    let parts: Vec<String> =
        parts.iter().map(|part| u32::from_le_bytes(*part).to_string()).collect();
    Ok(format!("S-1-5-21-{}", parts.join("-")))
}

/// The members of a group that Windows brings along (`S-1-5-32-555`).
pub(super) fn members(disk: &Disk, group: &str) -> Lookup<Vec<String>> {
    let number = group.strip_prefix("S-1-5-32-").and_then(|number| number.parse::<u32>().ok());
    let Some(number) = number else {
        return Lookup::unavailable(format!("{group} is no group that Windows brings along"));
    };
    let key = format!(r"{BUILTIN}\Aliases\{number:08X}");
    match disk.registry_value(&key, "C") {
        Lookup::Seen { value } => value.bytes().and_then(group_members).map_or_else(
            || Lookup::unavailable(format!("the group {group} in SAM is damaged")),
            Lookup::seen,
        ),
        Lookup::Absent => Lookup::Absent,
        Lookup::Unavailable { why } => Lookup::Unavailable { why },
    }
}

/// SIDs one behind the other: offset at 0x28, their number at 0x30.
fn group_members(c: &[u8]) -> Option<Vec<String>> {
    let count = usize::try_from(number(c, 0x30)?).ok()?;
    let start = usize::try_from(number(c, 0x28)?).ok()?.checked_add(C_DATA)?;
    let mut rest = c.get(start..)?;
    let mut members = Vec::new();
    for _ in 0..count.min(MOST) {
        let (sid, after) = sddl::sid(rest)?;
        members.push(sid);
        rest = after;
    }
    Some(members)
}

/// Who holds a right to sign in. Absent when nobody does.
pub(super) fn right(disk: &Disk, right: &str) -> Lookup<Vec<String>> {
    let Some((_, bit)) = RIGHTS.iter().find(|(name, _)| *name == right) else {
        return Lookup::unavailable(format!("{right} is no right to sign in"));
    };
    let accounts = match disk.registry_subkeys(POLICY) {
        Lookup::Seen { value } => value,
        Lookup::Absent => return Lookup::unavailable("SECURITY holds no policy of rights"),
        Lookup::Unavailable { why } => return Lookup::Unavailable { why },
    };
    let mut holders = Vec::new();
    for sid in accounts.into_iter().take(MOST) {
        // The data is the default value of a key of its own; an account without it holds no right.
        match disk.registry_value(&format!(r"{POLICY}\{sid}\ActSysAc"), "") {
            Lookup::Seen { value } => {
                // Its type is whatever LSA wrote there, 0 as a rule.
                let bits = value.bytes().and_then(|bytes| number(bytes, 0));
                let bits = bits.or(value.number().and_then(|bits| u32::try_from(bits).ok()));
                if bits.is_some_and(|bits| bits & bit != 0) {
                    holders.push(sid);
                }
            }
            Lookup::Absent => {}
            Lookup::Unavailable { why } => return Lookup::Unavailable { why },
        }
    }
    if holders.is_empty() { Lookup::Absent } else { Lookup::seen(holders) }
}

fn bytes(disk: &Disk, key: &str, name: &str) -> Option<Vec<u8>> {
    disk.registry_value(key, name).as_seen().and_then(RegistryData::bytes).map(<[u8]>::to_vec)
}

/// A text whose offset and length stand at `at`.
fn text(bytes: &[u8], data: usize, at: usize) -> Option<String> {
    let start = usize::try_from(number(bytes, at)?).ok()?.checked_add(data)?;
    let length = usize::try_from(number(bytes, at + 4)?).ok()?;
    let (units, _) = bytes.get(start..start.checked_add(length)?)?.as_chunks::<2>();
    let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
    Some(String::from_utf16_lossy(&units))
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::{account, group_members};

    #[test]
    fn an_account_is_its_name_and_flags() {
        let mut f = vec![0; 0x50];
        f[0x20..0x28].copy_from_slice(&i64::MAX.to_le_bytes());
        f[0x38..0x3A].copy_from_slice(&0x0211_u16.to_le_bytes());
        let mut v = vec![0; 0xCC];
        v[0x0C..0x10].copy_from_slice(&4_u32.to_le_bytes());
        v[0x10..0x14].copy_from_slice(&10_u32.to_le_bytes());
        v.extend(b"....a\0l\0i\0c\0e\0");
        let read = account("S-1-5-21-1-2-3", 1001, &f, &v);
        let read = read.map(|read| (read.name, read.sid, read.flags, read.expires));
        let sid = "S-1-5-21-1-2-3-1001".to_owned();
        assert_eq!(read, Some(("alice".to_owned(), sid, 0x1_0202, None)));
        for length in 0..v.len() {
            assert_eq!(account("S", 1, &f, &v[..length]), None);
        }
        assert_eq!(account("S", 1, &f[..0x39], &v), None);
    }

    #[test]
    fn members_of_a_group() {
        let sid = [1, 1, 0, 0, 0, 0, 0, 5, 11, 0, 0, 0];
        let mut c = vec![0; 0x34];
        c[0x28] = 2;
        c[0x30] = 1;
        c.extend([0, 0]);
        c.extend(sid);
        assert_eq!(group_members(&c), Some(vec!["S-1-5-11".to_owned()]));
        assert_eq!(group_members(&c[..c.len() - 1]), None);
        c[0x30] = 0;
        assert_eq!(group_members(&c), Some(Vec::new()));
    }
}
