//! As much of SDDL (MS-DTYP 2.5.1.1) as it takes to say whom a list lets in, and whether two lists
//! are one. No crate in the tree reads it; the ones there are call Windows.

/// A security descriptor's text in its parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sddl<'a> {
    owner: Option<&'a str>,
    group: Option<&'a str>,
    /// The entries of the DACL; `None` without one, or for one that lets everybody do everything.
    entries: Option<Vec<Entry<'a>>>,
}

/// One entry of a DACL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    kind: &'a str,
    flags: &'a str,
    rights: &'a str,
    pub who: &'a str,
}

impl Entry<'_> {
    /// Whether it lets in: anything but a refusal.
    pub(super) fn allows(&self) -> bool {
        !matches!(self.kind, "D" | "OD" | "XD")
    }
}

impl<'a> Sddl<'a> {
    /// Reads the text; `None` when it is none.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let mut read = Self::default();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (part, after) = rest.split_at_checked(2)?;
            let end = next_part(after);
            let (value, next) = after.split_at_checked(end)?;
            match part {
                "O:" => read.owner = Some(value),
                "G:" => read.group = Some(value),
                "D:" => read.entries = entries(value),
                "S:" => {}
                _ => return None,
            }
            rest = next;
        }
        Some(read)
    }

    /// The entries of the DACL; `None` where everybody may do everything.
    pub(super) fn entries(&self) -> Option<&[Entry<'a>]> {
        self.entries.as_deref()
    }
}

/// Where the next part begins: `X:` outside of brackets.
fn next_part(text: &str) -> usize {
    let mut depth = 0_usize;
    let bytes = text.as_bytes();
    for (index, byte) in bytes.iter().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b'O' | b'G' | b'D' | b'S' if depth == 0 && bytes.get(index + 1) == Some(&b':') => {
                return index;
            }
            _ => {}
        }
    }
    text.len()
}

fn entries(dacl: &str) -> Option<Vec<Entry<'_>>> {
    if dacl.contains("NO_ACCESS_CONTROL") {
        return None;
    }
    let inside = dacl.split('(').skip(1);
    inside
        .map(|entry| {
            let fields: Vec<&str> = entry.trim_end_matches(')').split(';').collect();
            match *fields {
                [kind, flags, rights, _, _, who, ..] => Some(Entry { kind, flags, rights, who }),
                _ => None,
            }
        })
        .collect()
}

/// Whether `now` is what `wanted` says, as far as it says anything. Windows marks what a file has
/// from its folder when it is read back (`ID`, `AI`); that is no difference.
pub(super) fn fulfils(now: &str, wanted: &str) -> bool {
    let (Some(now), Some(wanted)) = (Sddl::read(now), Sddl::read(wanted)) else {
        return now == wanted;
    };
    let own = |entries: &Option<Vec<Entry<'_>>>| -> Option<Vec<(String, String, String)>> {
        let kept = entries.as_ref()?.iter().filter(|entry| !entry.flags.contains("ID"));
        Some(
            kept.map(|e| (e.kind.to_owned(), e.rights.to_ascii_uppercase(), e.who.to_owned()))
                .collect(),
        )
    };
    wanted.owner.is_none_or(|owner| now.owner == Some(owner))
        && wanted.group.is_none_or(|group| now.group == Some(group))
        && own(&now.entries) == own(&wanted.entries)
}

#[cfg(test)]
mod tests {
    use super::{Sddl, fulfils};

    const KEY: &str = "O:SYG:SYD:PAI(A;;FA;;;SY)(A;;FR;;;NS)";

    #[test]
    fn whom_a_list_lets_in() {
        let read = Sddl::read(KEY).expect("SDDL");
        let who: Vec<&str> = read.entries().expect("a list").iter().map(|e| e.who).collect();
        assert_eq!(who, ["SY", "NS"]);
        assert!(Sddl::read("D:NO_ACCESS_CONTROL").expect("SDDL").entries().is_none());
        assert!(Sddl::read("O:SY").expect("SDDL").entries().is_none());
        assert!(Sddl::read("D:(A;;FA)").expect("SDDL").entries().is_none(), "a broken entry");
        assert_eq!(Sddl::read("hello"), None);
        assert_eq!(Sddl::read("é"), None);
    }

    #[test]
    fn one_list_read_back() {
        assert!(fulfils("O:SYG:SYD:AI(A;;FA;;;SY)(A;;FR;;;NS)(A;ID;FA;;;BA)", KEY));
        assert!(fulfils(KEY, "D:P(A;;FA;;;SY)(A;;FR;;;NS)"));
        assert!(!fulfils("O:SYG:SYD:PAI(A;;FA;;;SY)", KEY));
        assert!(!fulfils("O:BAG:SYD:PAI(A;;FA;;;SY)(A;;FR;;;NS)", KEY));
    }
}
