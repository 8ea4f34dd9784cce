use super::Query;
use super::table::{Entry, Table, entries, lookup};

/// A known code that somebody may have meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Near {
    /// What to ask instead.
    pub query: Query,
    /// In which way it is near.
    pub reason: NearReason,
    /// What it means.
    pub entry: &'static Entry,
}

/// In which way two codes are near, the most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NearReason {
    /// The same digits, read in the other base.
    OtherBase,
    /// Two digits in the other order.
    SwappedDigits,
    /// A name that differs by a few letters.
    SimilarName,
    /// One of the next numbers.
    NextNumber,
    /// The same low byte: the same family of disconnect reasons.
    SameFamily,
}

impl NearReason {
    /// In words.
    pub fn id(self) -> &'static str {
        match self {
            Self::OtherBase => "the same digits in the other base",
            Self::SwappedDigits => "two digits swapped",
            Self::SimilarName => "a similar name",
            Self::NextNumber => "a neighbouring number",
            Self::SameFamily => "the same low byte",
        }
    }
}

/// How many are offered.
const MOST: usize = 6;

/// How far a neighbour may be.
const NEXT: u32 = 8;

/// Known numbers of `tables` near an unknown one, as [`Query`] wraps it.
pub(super) fn near_number(
    unknown: u32,
    tables: &[Table],
    query: impl Fn(u32) -> Query,
) -> Vec<Near> {
    let mut found: Vec<Near> = Vec::new();
    let mut offer = |number: u32, reason: NearReason| {
        for entry in tables.iter().flat_map(|&table| lookup(table, number)) {
            let near = Near { query: query(number), reason, entry };
            if number != unknown && !found.iter().any(|known| known.query == near.query) {
                found.push(near);
            }
        }
    };
    for number in other_base(unknown) {
        offer(number, NearReason::OtherBase);
    }
    for number in swapped(unknown) {
        offer(number, NearReason::SwappedDigits);
    }
    for distance in 1..=NEXT {
        let both = [unknown.checked_sub(distance), unknown.checked_add(distance)];
        for number in both.into_iter().flatten() {
            offer(number, NearReason::NextNumber);
        }
    }
    // A family is the low byte of a disconnect reason (see `fallback`); it begins at 0x104.
    if tables.contains(&Table::DisconnectReason) && (0x100..0x1_0000).contains(&unknown) {
        let mut family: Vec<u32> = entries()
            .iter()
            .filter(|entry| entry.table == Table::DisconnectReason)
            .filter_map(|entry| entry.number)
            .filter(|number| (0x100..0x1_0000).contains(number) && number & 0xFF == unknown & 0xFF)
            .collect();
        family.sort_by_key(|number| number.abs_diff(unknown));
        for number in family {
            offer(number, NearReason::SameFamily);
        }
    }
    found.truncate(MOST);
    found
}

/// Known names near an unknown one.
pub(super) fn near_name(unknown: &str) -> Vec<Near> {
    let unknown = unknown.to_ascii_uppercase();
    let allowed = (unknown.len() / 4).clamp(1, 6);
    let mut found: Vec<(usize, Near)> = Vec::new();
    for entry in entries() {
        let Some(name) = &entry.name else { continue };
        let upper = name.to_ascii_uppercase();
        let distance = if upper.len() > unknown.len() && upper.ends_with(&unknown) {
            0
        } else {
            edit_distance(&unknown, &upper)
        };
        let query = Query::Name(name.clone());
        if distance <= allowed && !found.iter().any(|(_, near)| near.query == query) {
            found.push((distance, Near { query, reason: NearReason::SimilarName, entry }));
        }
    }
    found.sort_by_key(|(distance, _)| *distance);
    found.into_iter().map(|(_, near)| near).take(MOST).collect()
}

/// 904 for 0x904, and the other way round.
fn other_base(number: u32) -> Vec<u32> {
    let as_hex = u32::from_str_radix(&number.to_string(), 16).ok();
    let as_decimal = format!("{number:X}").parse().ok();
    as_hex.into_iter().chain(as_decimal).collect()
}

/// Every number that comes of swapping two neighbouring digits, in either base.
fn swapped(number: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for (digits, radix) in [(format!("{number:X}"), 16), (number.to_string(), 10)] {
        for index in 1..digits.len() {
            let mut other: Vec<char> = digits.chars().collect();
            other.swap(index - 1, index);
            let other: String = other.into_iter().collect();
            found.extend(u32::from_str_radix(&other, radix));
        }
    }
    found
}

/// How many letters must be put in, taken out or changed (Levenshtein).
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (above + 1).min(row[j] + 1).min(diagonal + usize::from(letter != *other));
            diagonal = above;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{NearReason, edit_distance, near_name, near_number, swapped};
    use crate::codes::{Query, Table};

    fn near(number: u32) -> Vec<(String, NearReason)> {
        near_number(number, &[Table::DisconnectReason], Query::number)
            .into_iter()
            .map(|near| (near.query.to_string(), near.reason))
            .collect()
    }

    #[test]
    fn decimal_digits_that_were_meant_as_hexadecimal() {
        assert_eq!(near(904)[0], ("0x904".to_owned(), NearReason::OtherBase));
        assert_eq!(near(0x2308)[0], ("0x904".to_owned(), NearReason::OtherBase));
    }

    #[test]
    fn swapped_digits_neighbours_and_family() {
        assert!(near(0x940).contains(&("0x904".to_owned(), NearReason::SwappedDigits)));
        assert!(near(0x905).contains(&("0x904".to_owned(), NearReason::NextNumber)));
        assert!(near(0xF04).contains(&("0xB04".to_owned(), NearReason::SameFamily)));
        assert!(swapped(0x7FFF_FFFF).len() > 4);
    }

    #[test]
    fn names() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        let first = &near_name("status_logon_failur")[0];
        assert_eq!(first.query, Query::Name("STATUS_LOGON_FAILURE".to_owned()));
        assert!(near_name("ZZZZ_QQQQ").is_empty());
    }
}
