//! A comparison as people read it.

mod page;
mod screen;
#[cfg(test)]
mod tests;

pub use page::render as html;
pub use screen::render as terminal;

use crate::comparison::{ComparisonDocument, GroupName, ValueEntry};
use crate::document::Proof;
use crate::harmless::clean;

use super::words;

/// The verdict's label by proof.
fn label(document: &ComparisonDocument) -> &'static str {
    match (document.verdict.different, document.verdict.proof) {
        (false, _) => "ALIKE",
        (true, Some(Proof::Proven)) => "PROVEN",
        (true, Some(Proof::Likely)) => "MOST LIKELY",
        (true, Some(Proof::Possible)) => "POSSIBLY",
        (true, None) => "DIFFERENT",
    }
}

/// What a group is called.
fn name(document: &ComparisonDocument, group: GroupName) -> &str {
    match group {
        GroupName::A => &document.a.name,
        GroupName::B => &document.b.name,
    }
}

/// `security layer tls` for `security-layer tls`.
fn aspect(text: &str) -> String {
    clean(text, words::SHORT).replace('-', " ")
}

/// What the runs of a group saw, each once, with how many runs saw it where they differ.
fn values(values: &[ValueEntry]) -> Vec<String> {
    let mut seen: Vec<(&str, usize)> = Vec::new();
    for entry in values {
        match seen.iter_mut().find(|(known, _)| *known == entry.value) {
            Some((_, count)) => *count += 1,
            None => seen.push((&entry.value, 1)),
        }
    }
    let several = seen.len() > 1;
    let shown = seen.into_iter().map(|(text, count)| match several {
        true => format!("{} ({count} of {})", clean(text, words::SHORT), values.len()),
        false => clean(text, words::SHORT),
    });
    shown.collect()
}
