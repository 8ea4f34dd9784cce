//! A security descriptor as it lies on a disk (MS-DTYP 2.4.6), as the text that Windows shows
//! (MS-DTYP 2.5.1). The crates that know both are under licences that this project cannot take
//! (`sddl`: GPL, `ms_dtyp`: AGPL).

use std::fmt::Write as _;

/// Sub-authorities of a SID (MS-DTYP 2.4.2.2).
const MOST_SUB_AUTHORITIES: usize = 15;

/// SECURITY_DESCRIPTOR.Control.
const DACL_PRESENT: u16 = 0x0004;
const DACL_AUTO_INHERIT_REQ: u16 = 0x0100;
const DACL_AUTO_INHERITED: u16 = 0x0400;
const DACL_PROTECTED: u16 = 0x1000;

/// SIDs that SDDL has letters for.
const LETTERS: &[(&str, &str)] = &[
    ("S-1-1-0", "WD"),
    ("S-1-3-0", "CO"),
    ("S-1-3-1", "CG"),
    ("S-1-3-4", "OW"),
    ("S-1-5-2", "NU"),
    ("S-1-5-4", "IU"),
    ("S-1-5-6", "SU"),
    ("S-1-5-7", "AN"),
    ("S-1-5-9", "ED"),
    ("S-1-5-11", "AU"),
    ("S-1-5-12", "RC"),
    ("S-1-5-18", "SY"),
    ("S-1-5-19", "LS"),
    ("S-1-5-20", "NS"),
    ("S-1-5-32-544", "BA"),
    ("S-1-5-32-545", "BU"),
    ("S-1-5-32-546", "BG"),
    ("S-1-5-32-547", "PU"),
    ("S-1-5-32-551", "BO"),
    ("S-1-5-32-555", "RD"),
    ("S-1-5-32-556", "NO"),
    ("S-1-15-2-1", "AC"),
];

/// Kinds of entries that hold a mask and a SID, and nothing else.
const KINDS: &[(u8, &str)] = &[(0, "A"), (1, "D"), (2, "AU"), (3, "AL")];

const FLAGS: &[(u8, &str)] = &[
    (0x01, "OI"),
    (0x02, "CI"),
    (0x04, "NP"),
    (0x08, "IO"),
    (0x10, "ID"),
    (0x40, "SA"),
    (0x80, "FA"),
];

/// Rights to a file that SDDL has letters for.
const RIGHTS: &[(u32, &str)] = &[
    (0x001F_01FF, "FA"),
    (0x0012_0089, "FR"),
    (0x0012_0116, "FW"),
    (0x0012_00A0, "FX"),
    (0x1000_0000, "GA"),
    (0x8000_0000, "GR"),
    (0x4000_0000, "GW"),
    (0x2000_0000, "GX"),
];

/// Owner, group and DACL as text.
///
/// # Errors
///
/// Where it is cut off, or holds an entry whose meaning is not in its mask and SID alone.
pub(super) fn text(descriptor: &[u8]) -> Result<String, String> {
    let short = || "its security descriptor is cut off".to_owned();
    let (head, _) = descriptor.split_first_chunk::<20>().ok_or_else(short)?;
    let [revision, _, c0, c1, owner @ .., _, _, _, _, d0, d1, d2, d3] = *head;
    let [o0, o1, o2, o3, g0, g1, g2, g3] = owner;
    if revision != 1 {
        return Err(format!("its security descriptor is of revision {revision}"));
    }
    let control = u16::from_le_bytes([c0, c1]);
    let mut text = String::new();
    for (name, offset) in [("O", [o0, o1, o2, o3]), ("G", [g0, g1, g2, g3])] {
        if let Some(part) = at(descriptor, offset) {
            let (sid, _) = sid(part).ok_or_else(short)?;
            let _ = write!(text, "{name}:{}", letters(&sid));
        }
    }
    if control & DACL_PRESENT != 0 {
        let _ = write!(text, "D:{}", dacl(control, at(descriptor, [d0, d1, d2, d3]))?);
    }
    Ok(text)
}

/// What an offset leads to; none where it is zero.
fn at(bytes: &[u8], offset: [u8; 4]) -> Option<&[u8]> {
    let offset = usize::try_from(u32::from_le_bytes(offset)).ok()?;
    (offset != 0).then(|| bytes.get(offset..).unwrap_or_default())
}

fn dacl(control: u16, list: Option<&[u8]>) -> Result<String, String> {
    let mut text = String::new();
    let marks = [(DACL_PROTECTED, "P"), (DACL_AUTO_INHERIT_REQ, "AR"), (DACL_AUTO_INHERITED, "AI")];
    marks.iter().filter(|(bit, _)| control & bit != 0).for_each(|(_, mark)| text.push_str(mark));
    let Some(list) = list else { return Ok(text + "NO_ACCESS_CONTROL") };
    let short = || "its access list is cut off".to_owned();
    let (head, rest) = list.split_first_chunk::<8>().ok_or_else(short)?;
    let [_, _, s0, s1, n0, n1, _, _] = *head;
    let length = usize::from(u16::from_le_bytes([s0, s1])).checked_sub(8).ok_or_else(short)?;
    let mut entries = rest.get(..length).ok_or_else(short)?;
    for _ in 0..u16::from_le_bytes([n0, n1]) {
        let (entry, after) = entry(entries)?.ok_or_else(short)?;
        text.push_str(&entry);
        entries = after;
    }
    Ok(text)
}

/// An entry: type, flags, length; mask and SID. None where it is cut off.
fn entry(bytes: &[u8]) -> Result<Option<(String, &[u8])>, String> {
    let Some((head, _)) = bytes.split_first_chunk::<8>() else { return Ok(None) };
    let [kind, flags, l0, l1, mask @ ..] = *head;
    let split = bytes.split_at_checked(usize::from(u16::from_le_bytes([l0, l1])));
    let Some((own, after)) = split else { return Ok(None) };
    let Some((_, name)) = KINDS.iter().find(|(number, _)| *number == kind) else {
        return Err(format!("its access list holds an entry of type {kind}, which is not read"));
    };
    let Some((sid, _)) = own.get(8..).and_then(sid) else { return Ok(None) };
    let marks: String =
        FLAGS.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, mark)| *mark).collect();
    let mask = rights(u32::from_le_bytes(mask));
    Ok(Some((format!("({name};{marks};{mask};;;{})", letters(&sid)), after)))
}

fn rights(mask: u32) -> String {
    let known = RIGHTS.iter().find(|(number, _)| *number == mask);
    known.map_or_else(|| format!("{mask:#x}"), |(_, letters)| (*letters).to_owned())
}

fn letters(sid: &str) -> &str {
    LETTERS.iter().find(|(long, _)| *long == sid).map_or(sid, |(_, letters)| letters)
}

/// A SID (MS-DTYP 2.4.2.2) as text, and what comes behind it.
pub(super) fn sid(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (head, mut rest) = bytes.split_first_chunk::<8>()?;
    let [revision, count, a, b, c, d, e, f] = *head;
    if revision != 1 || usize::from(count) > MOST_SUB_AUTHORITIES {
        return None;
    }
    let authority = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
    let mut text = if authority < 1 << 32 {
        format!("S-1-{authority}")
    } else {
        format!("S-1-{authority:#x}")
    };
    for _ in 0..count {
        let (part, after) = rest.split_first_chunk::<4>()?;
        let _ = write!(text, "-{}", u32::from_le_bytes(*part));
        rest = after;
    }
    Some((text, rest))
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::{sid, text};

    const SYSTEM: &[u8] = &[1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0];
    const ADMINISTRATORS: &[u8] = &[1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0];
    const NETWORK_SERVICE: &[u8] = &[1, 1, 0, 0, 0, 0, 0, 5, 20, 0, 0, 0];

    fn entry(kind: u8, flags: u8, mask: u32, sid: &[u8]) -> Vec<u8> {
        let length = u8::try_from(8 + sid.len()).unwrap_or(0);
        [&[kind, flags, length, 0], &mask.to_le_bytes()[..], sid].concat()
    }

    /// Owned by SYSTEM, for SYSTEM and administrators; for NETWORK SERVICE only where asked.
    pub(in super::super) fn descriptor(network_service: bool) -> Vec<u8> {
        let mut entries = entry(0, 0, 0x001F_01FF, SYSTEM);
        entries.extend(entry(0, 0x10, 0x001F_01FF, ADMINISTRATORS));
        if network_service {
            entries.extend(entry(0, 0, 0x0012_0089, NETWORK_SERVICE));
        }
        let count = if network_service { 3 } else { 2 };
        let length = u8::try_from(8 + entries.len()).unwrap_or(0);
        let mut bytes = vec![1, 0, 0x04, 0x94];
        let group = 20 + u8::try_from(SYSTEM.len()).unwrap_or(0);
        for offset in [20, group, 0, group + u8::try_from(SYSTEM.len()).unwrap_or(0)] {
            bytes.extend(u32::from(offset).to_le_bytes());
        }
        bytes.extend_from_slice(SYSTEM);
        bytes.extend_from_slice(SYSTEM);
        bytes.extend([2, 0, length, 0, count, 0, 0, 0]);
        bytes.extend(entries);
        bytes
    }

    #[test]
    fn a_key_file_as_windows_shows_it() {
        assert_eq!(
            text(&descriptor(true)).as_deref(),
            Ok("O:SYG:SYD:PAI(A;;FA;;;SY)(A;ID;FA;;;BA)(A;;FR;;;NS)")
        );
        assert_eq!(
            text(&descriptor(false)).as_deref(),
            Ok("O:SYG:SYD:PAI(A;;FA;;;SY)(A;ID;FA;;;BA)")
        );
    }

    #[test]
    fn no_list_and_an_empty_one_are_two_things() {
        let none = [&[1, 0, 4, 0x80][..], &[0; 16]].concat();
        assert_eq!(text(&none).as_deref(), Ok("D:NO_ACCESS_CONTROL"));
        let empty = [&[1, 0, 4, 0x80][..], &[0; 12], &[20, 0, 0, 0], &[2, 0, 8, 0, 0, 0, 0, 0]];
        assert_eq!(text(&empty.concat()).as_deref(), Ok("D:"));
        let absent = [&[1, 0, 0, 0x80][..], &[0; 16]].concat();
        assert_eq!(text(&absent).as_deref(), Ok(""));
    }

    #[test]
    fn what_is_cut_off_or_unknown_is_said() {
        let whole = descriptor(true);
        for length in 0..whole.len() {
            assert!(text(&whole[..length]).is_err(), "{length}");
        }
        let mut callback = whole;
        let first = 20 + 2 * SYSTEM.len() + 8;
        callback[first] = 9;
        assert!(text(&callback).is_err_and(|why| why.contains("type 9")));
        assert_eq!(sid(&[1, 16, 0, 0, 0, 0, 0, 5]), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn no_bytes_are_too_much(start in 0_usize..80, noise: Vec<u8>, rest in any::<bool>()) {
            let mut bytes = descriptor(rest);
            bytes.truncate(start);
            bytes.extend(noise);
            let _ = text(&bytes);
        }
    }
}
