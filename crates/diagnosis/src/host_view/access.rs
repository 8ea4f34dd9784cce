//! Who may do what with a file, as SDDL says it ([MS-DTYP] 2.5.1.1): only what Remote Desktop's own
//! two accounts need.

/// FILE_READ_DATA, and all that a file knows (FILE_ALL_ACCESS).
pub(crate) const READ: u32 = 0x1;
pub(crate) const WRITE: u32 = 0x2;
const ALL: u32 = 0x001F_01FF;

/// Entries of one list that are read at most.
const MOST_ENTRIES: usize = 512;

/// NETWORK SERVICE as the account of Remote Desktop's service, with the groups that a service has.
/// The long one is `NT SERVICE\TermService`.
pub(crate) const NETWORK_SERVICE: &[&str] = &[
    "NS",
    "S-1-5-20",
    "WD",
    "S-1-1-0",
    "AU",
    "S-1-5-11",
    "BU",
    "S-1-5-32-545",
    "SU",
    "S-1-5-6",
    "S-1-2-0",
    "S-1-5-15",
    "S-1-5-80-0",
    "S-1-5-80-446051430-1559341753-4161941529-1950928533-810483104",
];

/// SYSTEM, with its groups.
pub(crate) const SYSTEM: &[&str] =
    &["SY", "S-1-5-18", "BA", "S-1-5-32-544", "WD", "S-1-1-0", "AU", "S-1-5-11"];

/// Whether an account may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// It may.
    Granted,
    /// It may not.
    Denied,
    /// The text does not tell: it holds no list, or entries with conditions.
    Unclear,
}

/// One entry of a list: `(A;;FR;;;NS)`.
#[derive(Debug, Clone, Copy)]
struct Entry<'a> {
    kind: &'a str,
    flags: &'a str,
    rights: u32,
    who: &'a str,
}

/// Whether an account with these SIDs has all of `wanted`. Entries count in their order: what is
/// granted before it is denied stays granted ([MS-DTYP] 2.5.3.2).
pub(crate) fn allows(sddl: &str, account: &[&str], wanted: u32) -> Access {
    let Some(list) = list(sddl) else { return Access::Unclear };
    if list.trim_start().starts_with("NO_ACCESS_CONTROL") {
        return Access::Granted;
    }
    let Some(entries) = entries(list) else { return Access::Unclear };
    let mut open = wanted;
    let mut unclear = false;
    for entry in entries {
        // An entry that only those below inherit says nothing of the file itself.
        let own = !entry.flags.contains("IO");
        let named = account.iter().any(|sid| sid.eq_ignore_ascii_case(entry.who));
        match entry.kind {
            _ if !own => {}
            "A" if named => open &= !entry.rights,
            "D" if named && entry.rights & open != 0 => {
                return if unclear { Access::Unclear } else { Access::Denied };
            }
            "A" | "D" => {}
            // Conditional ones (XA, XD) and those of objects hang on what is not written here.
            _ => unclear = true,
        }
        if open == 0 {
            return Access::Granted;
        }
    }
    if unclear { Access::Unclear } else { Access::Denied }
}

/// The same SDDL, with NETWORK SERVICE granted to read and SYSTEM granted all by entries of their own;
/// entries that deny either by its own name are left out. `None` where that would not be enough, or
/// cannot be told.
pub(crate) fn granted(sddl: &str) -> Option<String> {
    let list = list(sddl)?;
    let start = list.find('(').unwrap_or(list.len());
    let (flags, rest) = list.split_at(start);
    let parsed = entries(list)?;
    let texts = rest.split_inclusive(')').map(str::trim).filter(|text| text.starts_with('('));
    let own = |who: &str| {
        ["NS", "SY", "S-1-5-20", "S-1-5-18"].iter().any(|sid| sid.eq_ignore_ascii_case(who))
    };
    let (mut explicit, mut inherited) = (String::new(), String::new());
    for (entry, text) in parsed.iter().zip(texts) {
        if entry.kind == "D" && own(entry.who) {
            continue;
        }
        if entry.flags.contains("ID") { inherited.push_str(text) } else { explicit.push_str(text) }
    }
    let owner = sddl.split_once("D:").map_or("", |(before, _)| before);
    for entry in ["(A;;FR;;;NS)", "(A;;FA;;;SY)"] {
        if !explicit.contains(entry) {
            explicit.push_str(entry);
        }
    }
    let mended = format!("{owner}D:{flags}{explicit}{inherited}");
    let enough = allows(&mended, NETWORK_SERVICE, READ) == Access::Granted
        && allows(&mended, SYSTEM, ALL) == Access::Granted;
    enough.then_some(mended)
}

/// The DACL's part of the text. The owner's and the group's SID hold no colon.
fn list(sddl: &str) -> Option<&str> {
    let (_, list) = sddl.split_once("D:")?;
    Some(list.split_once("S:").map_or(list, |(list, _)| list))
}

/// The entries in their order; `None` where one cannot be read.
fn entries(list: &str) -> Option<Vec<Entry<'_>>> {
    list.split('(').skip(1).take(MOST_ENTRIES).map(entry).collect()
}

fn entry(text: &str) -> Option<Entry<'_>> {
    let text = text.split_once(')')?.0;
    let mut parts = text.split(';');
    let (kind, flags, written) = (parts.next()?, parts.next()?, parts.next()?);
    let who = parts.nth(2)?.trim();
    let rights = match kind.trim() {
        "A" | "D" => rights(written)?,
        _ => 0,
    };
    Some(Entry { kind: kind.trim(), flags, rights, who })
}

/// Rights as a number, or as pairs of letters.
fn rights(written: &str) -> Option<u32> {
    let written = written.trim();
    if let Some(hexadecimal) = written.strip_prefix("0x").or_else(|| written.strip_prefix("0X")) {
        return u32::from_str_radix(hexadecimal, 16).ok().map(mapped);
    }
    if let Ok(number) = written.parse() {
        return Some(mapped(number));
    }
    let pairs = written.as_bytes().chunks(2);
    pairs.map(pair).try_fold(0, |all, one| Some(all | one?))
}

/// Generic rights as what they come to for a file ([MS-DTYP] 2.4.3).
fn mapped(mask: u32) -> u32 {
    let generic = [
        (0x8000_0000, 0x0012_0089),
        (0x4000_0000, 0x0012_0116),
        (0x2000_0000, 0x0012_00A0),
        (0x1000_0000, ALL),
    ];
    generic.iter().filter(|(bit, _)| mask & bit != 0).fold(mask, |all, (_, file)| all | file)
}

fn pair(letters: &[u8]) -> Option<u32> {
    Some(match letters {
        b"GA" | b"FA" => ALL,
        b"GR" | b"FR" => 0x0012_0089,
        b"GW" | b"FW" => 0x0012_0116,
        b"GX" | b"FX" => 0x0012_00A0,
        b"RC" => 0x0002_0000,
        b"SD" => 0x0001_0000,
        b"WD" => 0x0004_0000,
        b"WO" => 0x0008_0000,
        b"CC" => 0x1,
        b"DC" => 0x2,
        b"LC" => 0x4,
        b"SW" => 0x8,
        b"RP" => 0x10,
        b"WP" => 0x20,
        b"DT" => 0x40,
        b"LO" => 0x80,
        b"CR" => 0x100,
        b"KA" => 0x000F_003F,
        b"KR" | b"KX" => 0x0002_0019,
        b"KW" => 0x0002_0006,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{ALL, Access, NETWORK_SERVICE, READ, SYSTEM, allows, granted};

    /// As Windows makes it for the key of Remote Desktop.
    const HEALTHY: &str = "O:SYG:SYD:PAI(A;;FA;;;SY)(A;;FR;;;NS)";

    fn network_service(sddl: &str) -> Access {
        allows(sddl, NETWORK_SERVICE, READ)
    }

    #[test]
    fn who_may_read() {
        for yes in [
            HEALTHY,
            "O:BAD:(A;;FA;;;SY)(A;;0x120089;;;S-1-5-20)S:(AU;FA;FA;;;WD)",
            "D:(A;;GR;;;WD)",
            "D:(A;;GA;;;S-1-5-80-446051430-1559341753-4161941529-1950928533-810483104)",
            "D:NO_ACCESS_CONTROL",
            "D:(A;;FR;;;NS)(D;;FA;;;WD)",
            "D:(A;ID;CCRC;;;NS)",
        ] {
            assert_eq!(network_service(yes), Access::Granted, "{yes}");
        }
        for no in [
            "O:SYG:SYD:PAI(A;;FA;;;SY)(A;;FA;;;BA)",
            "D:",
            "D:(D;;FR;;;NS)(A;;FA;;;WD)",
            "D:(A;OICIIO;FA;;;NS)",
            "D:(A;;WDWO;;;NS)",
            "D:(A;;FA;;;S-1-5-21-1-2-3-500)",
        ] {
            assert_eq!(network_service(no), Access::Denied, "{no}");
        }
        for unclear in [
            "",
            "O:SYG:SY",
            "D:(A;;FA",
            "D:(A;;??;;;NS)",
            "D:(XA;;FA;;;NS;(Member_of {SID(BA)}))",
            "D:(A)",
        ] {
            assert_eq!(network_service(unclear), Access::Unclear, "{unclear}");
        }
    }

    #[test]
    fn what_is_missing_is_granted_and_nothing_else_changes() {
        let mended = granted("O:SYG:SYD:PAI(A;;FA;;;BA)(A;ID;FR;;;BU)").expect("a way");
        assert_eq!(mended, "O:SYG:SYD:PAI(A;;FA;;;BA)(A;;FR;;;NS)(A;;FA;;;SY)(A;ID;FR;;;BU)");
        let denied = granted("D:(D;;FA;;;NS)(A;;FA;;;SY)").expect("a way");
        assert_eq!(network_service(&denied), Access::Granted);
        assert_eq!(granted("D:(D;;FA;;;WD)(A;;FA;;;SY)"), None, "somebody keeps everybody out");
        assert_eq!(granted("O:SY"), None);
        assert_eq!(allows(HEALTHY, SYSTEM, ALL), Access::Granted);
    }
}
