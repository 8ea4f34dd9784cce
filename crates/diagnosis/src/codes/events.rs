//! The events of Windows that concern Remote Desktop: what each stands for. By provider and number.

use std::sync::LazyLock;

use rdpdoctor_model::CauseId;

use super::ids::cause_id;
use super::table::{TableError, Verification};
use crate::{Proof, Severity};

/// The name of the table's file.
const FILE: &str = "windows_events.csv";

/// A row: events of one provider that mean the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// The channel they stand in, as a rule.
    pub channel: String,
    /// Their numbers; none stands for all of the provider's.
    pub events: Vec<u32>,
    /// Who writes them.
    pub provider: String,
    /// What they say.
    pub meaning: String,
    /// The fields that matter.
    pub fields: String,
    /// What they point to, in words.
    pub points_to: String,
    /// The causes that they stand for, the usual one first. Our reading, not the source's.
    pub causes: Vec<CauseId>,
    /// How bad that is.
    pub severity: Severity,
    /// How sure the first cause is.
    pub proof: Proof,
    /// How far the row was checked. What is not checked never blocks.
    pub verified: Verification,
    /// Where it is from.
    pub source: String,
}

/// All rows.
///
/// An embedded table that cannot be read would leave this empty; a test forbids that.
pub fn events() -> &'static [EventRow] {
    static ROWS: LazyLock<Vec<EventRow>> = LazyLock::new(|| load_events().unwrap_or_default());
    &ROWS
}

/// The row of an event: the one that names its number before the one for all of the provider's.
pub fn event(provider: &str, id: u32) -> Option<&'static EventRow> {
    let of_provider = || events().iter().filter(|row| row.provider == provider);
    of_provider()
        .find(|row| row.events.contains(&id))
        .or_else(|| of_provider().find(|row| row.events.is_empty()))
}

/// Reads the embedded table.
pub fn load_events() -> Result<Vec<EventRow>, TableError> {
    let content = include_str!("data/windows_events.csv");
    let mut reader = csv::Reader::from_reader(content.as_bytes());
    let error = |row, problem: String| TableError { file: FILE, row, problem };
    let mut rows = Vec::new();
    for (index, record) in reader.records().enumerate() {
        let record = record.map_err(|e| error(index + 1, e.to_string()))?;
        rows.push(row(&record).map_err(|problem| error(index + 1, problem))?);
    }
    Ok(rows)
}

fn row(record: &csv::StringRecord) -> Result<EventRow, String> {
    let column = |index: usize| record.get(index).unwrap_or_default();
    let text = |index: usize| column(index).to_owned();
    Ok(EventRow {
        channel: text(0),
        events: numbers(column(1))?,
        provider: text(2),
        meaning: text(3),
        fields: text(4),
        points_to: text(5),
        causes: column(6)
            .split_whitespace()
            .map(|id| cause_id(id).ok_or_else(|| format!("{id:?} is no cause")))
            .collect::<Result<_, _>>()?,
        severity: match column(7) {
            "blocking" => Severity::Blocking,
            "warning" => Severity::Warning,
            "info" | "" => Severity::Info,
            other => return Err(format!("{other:?} is no severity")),
        },
        proof: match column(8) {
            "proven" => Proof::Proven,
            "likely" => Proof::Likely,
            "possible" | "" => Proof::Possible,
            other => return Err(format!("{other:?} is no proof")),
        },
        verified: Verification::parse(column(9))
            .ok_or_else(|| format!("{:?} says not how it was verified", column(9)))?,
        source: text(10),
    })
}

fn numbers(text: &str) -> Result<Vec<u32>, String> {
    if text == "any" {
        return Ok(Vec::new());
    }
    let number = |word: &str| word.parse().map_err(|_| format!("{word:?} is no event's number"));
    text.split_whitespace().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_whole_and_its_rows_keep_the_form() {
        let rows = load_events().expect("the table is read");
        assert!(rows.len() > 120, "{} rows", rows.len());
        let mut seen = std::collections::BTreeSet::new();
        for row in &rows {
            assert!(!row.provider.is_empty() && !row.meaning.is_empty(), "{row:?}");
            assert!(!row.source.is_empty(), "{row:?}");
            for &id in &row.events {
                assert!(seen.insert((row.provider.clone(), id)), "{} {id} twice", row.provider);
            }
            let blocks = row.severity == Severity::Blocking;
            assert!(!blocks || row.verified != Verification::Unverified, "{row:?}");
            let proven = row.proof == Proof::Proven;
            assert!(!proven || row.verified != Verification::Unverified, "{row:?}");
            assert_eq!(row.causes.is_empty(), row.severity == Severity::Info, "{row:?}");
        }
    }

    #[test]
    fn the_number_goes_before_the_provider() {
        let schannel = event("Schannel", 36870).expect("there");
        assert_eq!(schannel.causes[0], CauseId("tls.private-key-unavailable"));
        assert_eq!(event("Schannel", 1), None);
        let gateway = "Microsoft-Windows-TerminalServices-Gateway";
        assert_eq!(event(gateway, 201).map(|row| row.events.len()), Some(1));
        assert_eq!(event(gateway, 9999).map(|row| row.events.len()), Some(0));
    }
}
