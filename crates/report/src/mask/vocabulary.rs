//! The contract's own words, which stay.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::strings;
use crate::schema;

/// The words that the schema itself defines, by the field they stand in: a host called `server`
/// must not turn the sender `server` into a pseudonym.
pub(super) struct Vocabulary(BTreeMap<String, BTreeSet<String>>);

impl Vocabulary {
    pub(super) fn of_schema() -> Self {
        let schema = schema();
        let mut words = BTreeMap::new();
        collect_words(&schema, &schema, &mut words);
        Self(words)
    }

    /// Identifiers of the catalogue and of observations are no names either.
    pub(super) fn has(&self, key: &str, text: &str) -> bool {
        matches!(key, "id" | "cause" | "evidence" | "version" | "references")
            || self.0.get(key).is_some_and(|words| words.contains(text))
    }
}

/// Walks all objects of the schema and notes for each property the constants it may be.
pub(super) fn collect_words(
    root: &Value,
    node: &Value,
    words: &mut BTreeMap<String, BTreeSet<String>>,
) {
    match node {
        Value::Object(fields) => {
            if let Some(Value::Object(properties)) = fields.get("properties") {
                for (key, property) in properties {
                    constants(root, property, words.entry(key.clone()).or_default());
                }
            }
            fields.values().for_each(|value| collect_words(root, value, words));
        }
        Value::Array(values) => values.iter().for_each(|value| collect_words(root, value, words)),
        _ => {}
    }
}

pub(super) fn constants(root: &Value, property: &Value, into: &mut BTreeSet<String>) {
    into.extend(property.get("const").and_then(Value::as_str).map(str::to_owned));
    into.extend(property.get("enum").into_iter().flat_map(strings).map(str::to_owned));
    for key in ["oneOf", "anyOf", "allOf"] {
        let alternatives = property.get(key).and_then(Value::as_array);
        alternatives.into_iter().flatten().for_each(|other| constants(root, other, into));
    }
    let target = property.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix('#'));
    if let Some(target) = target.and_then(|pointer| root.pointer(pointer)) {
        constants(root, target, into);
    }
}
