//! The laws of the catalogue: what every cause must have.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rdpdoctor_diagnosis::{CATALOGUE, Cause};

fn file_of(cause: &Cause) -> PathBuf {
    folder().join(cause.id.area()).join(cause.id.name().replace('-', "_") + ".rs")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/causes")
}

/// Every text that a person may act on.
fn actions(cause: &Cause) -> impl Iterator<Item = &'static str> {
    let remedies = cause.remedies.iter();
    remedies.flat_map(|r| r.steps.iter().chain(r.undo).copied().chain([r.title, r.verify]))
}

#[test]
fn ids_are_kebab_case_unique_and_each_has_its_file() {
    let mut seen = BTreeSet::new();
    for cause in CATALOGUE {
        assert!(seen.insert(cause.id), "{} stands twice", cause.id);
        for part in [cause.id.area(), cause.id.name()] {
            let plain =
                part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            assert!(plain && !part.is_empty() && !part.contains("--"), "{}", cause.id);
        }
        assert!(file_of(cause).exists(), "{} is missing", file_of(cause).display());
    }
}

#[test]
fn every_file_is_in_the_list() {
    let listed: BTreeSet<PathBuf> = CATALOGUE.iter().map(|cause| file_of(cause)).collect();
    let areas = std::fs::read_dir(folder()).expect("the folder").flatten();
    // A folder without one holds what a file beside it is made of.
    for area in areas.filter(|area| area.path().join("mod.rs").exists()) {
        for file in std::fs::read_dir(area.path()).expect("an area").flatten() {
            let known = file.file_name() == "mod.rs" || listed.contains(&file.path());
            assert!(known, "{} is not in CATALOGUE", file.path().display());
        }
    }
}

#[test]
fn words_are_there_and_keep_the_form() {
    for cause in CATALOGUE {
        let id = cause.id;
        let length = cause.title.chars().count();
        assert!((10..=90).contains(&length), "{id}: a title of {length} characters");
        assert!(!cause.title.ends_with('.'), "{id}: the title ends with a full stop");
        assert!(cause.explanation.len() >= 80, "{id}: the explanation is too short");
        assert!(!cause.references.is_empty(), "{id}: no reference");
        for reference in cause.references {
            let known = ["https://", "MS-", "RFC ", "KB", "ITU-T "];
            assert!(known.iter().any(|k| reference.starts_with(k)), "{id}: {reference}");
        }
        for other in cause.more_specific_than {
            assert!(*other != id, "{id} is more specific than itself");
            assert!(CATALOGUE.iter().any(|c| c.id == *other), "{id}: there is no {other}");
        }
    }
}

#[test]
fn remedies_have_steps_a_way_back_and_a_proof() {
    for cause in CATALOGUE {
        let id = cause.id;
        assert!(!cause.remedies.is_empty(), "{id}: no remedy");
        let mut ids = BTreeSet::new();
        for remedy in cause.remedies {
            assert!(ids.insert(remedy.id), "{id}: {} stands twice", remedy.id);
            assert!(!remedy.steps.is_empty() && !remedy.undo.is_empty(), "{id}: {}", remedy.id);
            assert!(!remedy.verify.is_empty() && !remedy.interrupts.is_empty(), "{id}");
        }
    }
}

/// Advice that harms is refused wherever it stands.
#[test]
fn no_remedy_weakens_the_host() {
    const REFUSED: &[&[&str]] = &[
        &["rename-item", "machinekeys"],
        &["allowencryptionoracle", " 2"],
        &["userauthentication 0"],
        &["securitylayer 0"],
        &["set-netfirewallprofile"],
        &["advfirewall", "off"],
        &["graceperiod"],
        &["service termserv "],
        &["disablerestrictedadmin"],
    ];
    for cause in CATALOGUE {
        for text in actions(cause) {
            let text = text.to_lowercase();
            let harm = REFUSED.iter().find(|words| words.iter().all(|word| text.contains(word)));
            assert!(harm.is_none(), "{}: {text}", cause.id);
        }
    }
}

#[test]
fn areas_stand_in_the_order_of_the_stages() {
    let mut areas: Vec<&str> = CATALOGUE.iter().map(|cause| cause.id.area()).collect();
    areas.dedup();
    assert_eq!(
        areas,
        [
            "gateway", "dns", "net", "nego", "tls", "nla", "rdpsec", "mcs", "license", "session",
            "udp", "pam", "cloud", "host", "client"
        ]
    );
}
