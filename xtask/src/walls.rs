//! What may not use what: what looks never uses what judges, and what judges does no I/O.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use serde_json::Value;

/// Forbidden edges, direct or through others, of ordinary dependencies.
const FORBIDDEN: &[(&[&str], &[&str])] = &[
    (
        &[
            "rdpdoctor-probe",
            "rdpdoctor-files",
            "rdpdoctor-host",
            "rdpdoctor-lab",
            "rdpdoctor-wire",
        ],
        &["rdpdoctor-diagnosis", "rdpdoctor-report"],
    ),
    (
        &["rdpdoctor-diagnosis", "rdpdoctor-model", "rdpdoctor-wire", "rdpdoctor-report"],
        &["tokio", "socket2", "openssl", "hickory-resolver", "windows"],
    ),
    (&["rdpdoctor-report"], &["rdpdoctor-probe", "rdpdoctor-lab"]),
    (&["rdpdoctor-probe"], &["rdpdoctor-lab", "rdpdoctor-files"]),
    (&["rdpdoctor-host"], &["rdpdoctor-probe", "rdpdoctor-lab"]),
    (&["rdpdoctor-files"], &["rdpdoctor-probe", "rdpdoctor-lab", "tokio", "socket2", "openssl"]),
    (&["rdpdoctor"], &["aws-lc-sys"]),
];

/// Fails with every forbidden edge that exists.
pub fn check() -> anyhow::Result<()> {
    let metadata = crate::metadata()?;
    let names: BTreeMap<&str, &str> = list(&metadata["packages"])
        .filter_map(|package| Some((package["id"].as_str()?, package["name"].as_str()?)))
        .collect();
    let mut uses: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in list(&metadata["resolve"]["nodes"]) {
        let id = node["id"].as_str().context("a node without an id")?;
        let ordinary = list(&node["deps"])
            .filter(|dep| list(&dep["dep_kinds"]).any(|kind| kind["kind"].is_null()))
            .filter_map(|dep| dep["pkg"].as_str());
        uses.insert(id, ordinary.collect());
    }
    let mut broken = Vec::new();
    for (users, banned) in FORBIDDEN {
        for user in *users {
            let id = names.iter().find(|(_, name)| *name == user).map(|(id, _)| *id);
            let id = id.with_context(|| format!("there is no package {user}"))?;
            let reached: BTreeSet<&str> =
                reachable(id, &uses).into_iter().filter_map(|id| names.get(id).copied()).collect();
            for name in banned.iter().filter(|name| reached.contains(**name)) {
                broken.push(format!("{user} uses {name}"));
            }
        }
    }
    if broken.is_empty() { Ok(()) } else { bail!("{}", broken.join("; ")) }
}

fn reachable<'a>(from: &'a str, uses: &BTreeMap<&'a str, Vec<&'a str>>) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut waiting = vec![from];
    while let Some(id) = waiting.pop() {
        for next in uses.get(id).into_iter().flatten() {
            if seen.insert(*next) {
                waiting.push(next);
            }
        }
    }
    seen
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
