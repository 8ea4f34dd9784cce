use super::table::{Entry, Table, entries};

/// A code that may have been meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Near {
    /// Its row.
    pub entry: &'static Entry,
    /// Why it comes to mind.
    pub reason: NearReason,
}

/// Why a code comes to mind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NearReason {
    /// The digits are those of a hexadecimal number: 904 for 0x904.
    Hexadecimal,
    /// The same digits in another order.
    Transposed,
    /// The next number but a few.
    Neighbour,
}

impl NearReason {
    /// In words.
    pub fn id(self) -> &'static str {
        match self {
            Self::Hexadecimal => "the same digits, read as hexadecimal",
            Self::Transposed => "the same digits in another order",
            Self::Neighbour => "a number nearby",
        }
    }
}

/// How far a neighbour may be.
const NEIGHBOURHOOD: u32 = 3;

/// Most suggestions.
const MOST: usize = 5;

/// Codes that may have been meant by a number that nobody knows.
pub(super) fn near(number: u32) -> Vec<Near> {
    let sorted = |number: u32| {
        let mut digits: Vec<u8> = format!("{number:x}").into_bytes();
        digits.sort_unstable();
        digits
    };
    let as_hex = u32::from_str_radix(&number.to_string(), 16).ok();
    let own = sorted(number);
    let mut found: Vec<Near> = entries()
        .iter()
        .filter(|entry| !matches!(entry.table, Table::ClientEvent | Table::TlsAlert))
        .filter_map(|entry| {
            let other = entry.number?;
            let reason = if as_hex == Some(other) {
                NearReason::Hexadecimal
            } else if own.len() > 2 && sorted(other) == own {
                NearReason::Transposed
            } else if other > 0xFF && other.abs_diff(number) <= NEIGHBOURHOOD {
                NearReason::Neighbour
            } else {
                return None;
            };
            Some(Near { entry, reason })
        })
        .collect();
    found.sort_by_key(|near| near.reason);
    found.truncate(MOST);
    found
}
