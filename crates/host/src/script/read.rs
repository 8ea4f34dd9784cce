//! What a collecting script wrote, found in whatever it was handed back in.

use std::collections::{BTreeMap, BTreeSet};

use rdpdoctor_model::{Fact, FactsOf, FactsWay, Lookup};
use serde_json::Value;

use super::frame::{self, Frame};
use super::parts::{self, Collected, MARK, Part};
use super::short;
use crate::{FactsFile, Side, facts_file, firewall};

/// Depth of a JSON text that is looked into for parts.
const DEPTH: u8 = 16;

/// Whether a text holds parts, or the beginning of one.
pub fn has_parts(text: &str) -> bool {
    text.contains(MARK) || text.replace(['\r', '\n'], "").contains(MARK)
}

/// The facts in these texts, those of each run for themselves.
pub fn collected<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<Collected> {
    parts::together(texts.into_iter().flat_map(found).collect())
}

/// The parts of a text: within the strings of a JSON text, or in the text itself; what was cut off
/// is no JSON any more and still holds parts.
fn found(text: &str) -> Vec<Part> {
    if let Ok(value) = serde_json::from_str::<Value>(text.trim_start_matches('\u{FEFF}').trim()) {
        let mut parts = Vec::new();
        of_strings(&value, DEPTH, &mut parts);
        return parts;
    }
    // Ends of lines within a cut string stand as `\n`, which no body holds.
    let unescaped = text
        .replace("\\r", "\r")
        .replace("\\n", "\n")
        .replace("\\u0027", "'")
        .replace("\\u002b", "+");
    parts::find(&unescaped)
}

fn of_strings(value: &Value, depth: u8, parts: &mut Vec<Part>) {
    if depth == 0 {
        return;
    }
    match value {
        Value::String(text) => parts.extend(parts::find(text)),
        Value::Array(values) => {
            values.iter().for_each(|value| of_strings(value, depth - 1, parts));
        }
        Value::Object(fields) => {
            fields.values().for_each(|value| of_strings(value, depth - 1, parts));
        }
        _ => {}
    }
}

/// The facts of lines. Where parts are missing, what was not answered could not be looked at.
pub(super) fn facts<'a>(
    side: Side,
    lines: impl Iterator<Item = &'a str>,
    missing: &[u32],
) -> FactsFile {
    let frames = frame::by_code(side);
    let mut answered = BTreeSet::new();
    let (mut facts, mut unread) = (Vec::new(), 0);
    for line in lines.filter(|line| !line.is_empty()).take(facts_file::MOST_FACTS) {
        let json = short::expand(line, &frames);
        let fact = json.as_ref().and_then(|json| serde_json::from_str(json).ok());
        match fact {
            None | Some(Fact::Unknown { .. }) => unread += 1,
            Some(fact) => {
                answered.extend(line.get(..frame::CODE).map(str::to_owned));
                answered.extend(json.iter().flat_map(|json| code_of(json, &frames)));
                facts.push(fact);
            }
        }
    }
    if !missing.is_empty() {
        let why = format!("it is in {}, which did not arrive whole", numbers(missing));
        let unanswered = frames.iter().filter(|(code, _)| !answered.contains(*code));
        facts.extend(unanswered.filter_map(|(_, frame)| frame.unavailable(&why)));
        facts.iter_mut().for_each(|fact| doubt_rules(fact, &why));
    }
    match facts.iter_mut().find_map(|fact| match fact {
        Fact::FactsOf(of) => Some(of),
        _ => None,
    }) {
        Some(of) => of.missing_parts = missing.to_vec(),
        None => facts.insert(0, Fact::FactsOf(nobody(missing))),
    }
    FactsFile { side, facts: facts_file::with_certificates(facts), unread }
}

/// How many rules of a firewall there are is told apart from the rules: of those that arrived each counts,
/// and that there is none is not known.
fn doubt_rules(fact: &mut Fact, why: &str) {
    if let Fact::RegistryKey(key) = fact
        && key.subkeys.as_seen().is_some()
        && firewall::RULES.iter().any(|known| known.eq_ignore_ascii_case(&key.key))
    {
        key.subkeys = Lookup::unavailable(why.to_owned());
    }
}

/// The code of a line that was written without one.
fn code_of(json: &str, frames: &BTreeMap<String, Frame>) -> Option<String> {
    let found = frames.iter().find(|(_, frame)| json.starts_with(&frame.head));
    found.map(|(code, _)| code.clone())
}

/// What says whose facts they are did not arrive.
fn nobody(missing: &[u32]) -> FactsOf {
    FactsOf {
        computer: None,
        collected_at: None,
        way: FactsWay::Script,
        elevated: None,
        missing_parts: missing.to_vec(),
    }
}

/// `part 2`, `parts 2, 3 and 5`.
pub fn numbers(parts: &[u32]) -> String {
    let shown: Vec<String> = parts.iter().take(20).map(u32::to_string).collect();
    match shown.split_last() {
        None => "no part".to_owned(),
        Some((only, [])) => format!("part {only}"),
        Some((last, before)) => format!("parts {} and {last}", before.join(", ")),
    }
}
