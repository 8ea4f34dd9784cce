//! Licences of everything that is built, and crates that are built in two versions. `cargo metadata`
//! knows both; building cargo-deny would take longer than all the rest.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;

/// Licences that go with ours (MIT OR Apache-2.0).
const ALLOWED: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "Unlicense",
    "CC0-1.0",
    "0BSD",
    "MIT-0",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
    "MPL-2.0",
    "OpenSSL",
];

/// Crates that others force on us in several versions. A new one wants a look first.
const KNOWN_DUPLICATES: &[&str] = include!("known_duplicates.in");

/// Fails on a licence that is not allowed, or a duplicate that nobody looked at.
pub fn check() -> anyhow::Result<()> {
    let metadata = crate::metadata()?;
    let mut problems = Vec::new();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        versions.entry(name).or_default().insert(package["version"].as_str().unwrap_or_default());
        match package["license"].as_str() {
            Some(expression) if satisfied(expression) => {}
            Some(expression) => problems.push(format!("{name}: licence {expression}")),
            None => problems.push(format!("{name}: no licence stated")),
        }
    }
    for (name, versions) in versions {
        if versions.len() > 1 && !KNOWN_DUPLICATES.contains(&name) {
            problems.push(format!("{name} is built in versions {versions:?}"));
        }
    }
    if problems.is_empty() { Ok(()) } else { bail!("{}", problems.join("; ")) }
}

/// SPDX expressions without nesting deeper than one level: every AND part must offer an allowed OR
/// alternative. An old form writes OR as '/'.
fn satisfied(expression: &str) -> bool {
    let plain = expression.replace('/', " OR ").replace(['(', ')'], "");
    plain
        .split(" AND ")
        .all(|part| part.split(" OR ").any(|alternative| ALLOWED.contains(&alternative.trim())))
}

#[cfg(test)]
mod tests {
    use super::satisfied;

    #[test]
    fn expressions() {
        assert!(satisfied("MIT OR Apache-2.0"));
        assert!(satisfied("MIT/Apache-2.0"));
        assert!(satisfied("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(!satisfied("GPL-3.0-only"));
        assert!(!satisfied("MIT AND GPL-2.0-only"));
    }
}
