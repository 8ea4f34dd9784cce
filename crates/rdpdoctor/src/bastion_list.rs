//! The administrator's list of bastions: `--bastions FILE`, or a file at its usual place.
//!
//! ```toml
//! [[bastion]]
//! label = "Corp bastion"
//! name = "bastion*.corp.example"
//! issuer = "Corp PAM CA"
//! fingerprint = "AB:CD:..."
//! ```
//!
//! or the same as JSON. What fits goes into the observations, so that a saved document is judged
//! alike where the list is not at hand; the rest of the list goes nowhere.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use rdpdoctor_diagnosis::{BastionEntry, Evidence, Policy};
use rdpdoctor_files::text;
use rdpdoctor_model::{Fact, Observation, ObservationId, Origin, Source, Stage, Target, Timestamp};
use serde::Deserialize;

use crate::evidence_file;
use crate::output;

/// Longest list.
const LONGEST: u64 = 1024 * 1024;

/// Most bastions in a list, and most patterns of each kind.
const MOST: usize = 1000;

/// Longest label or pattern.
const LONGEST_TEXT: usize = 200;

/// The bastions of a list.
#[derive(Debug, Default)]
pub struct BastionList {
    file: String,
    entries: Vec<BastionEntry>,
}

impl BastionList {
    /// The list that was named, or the one at its usual place; a bad one there ends nothing.
    ///
    /// # Errors
    /// When the list that was named cannot be read.
    pub fn open(named: Option<&Path>, quiet: bool) -> anyhow::Result<Self> {
        if let Some(path) = named {
            return Self::read(path);
        }
        let Some(path) = usual_places().into_iter().find(|path| path.exists()) else {
            return Ok(Self::default());
        };
        Ok(Self::read(&path).unwrap_or_else(|error| {
            if !quiet {
                output::complain(&format!("{error:#}; going on without it"));
            }
            Self::default()
        }))
    }

    fn read(path: &Path) -> anyhow::Result<Self> {
        let file = path.display().to_string();
        let bytes = evidence_file::bytes(path, LONGEST + 1)?;
        ensure!(bytes.len() as u64 <= LONGEST, "{file} is longer than any list of bastions");
        let entries = parse(&text::decode(&bytes).text)
            .with_context(|| format!("{file} is no list of bastions"))?;
        Ok(Self { file, entries })
    }

    /// Adds what of the list fits what was seen; what an earlier list had said gives way.
    pub fn add_fitting(
        &self,
        target: &Target,
        judged_at: Timestamp,
        observations: &mut Vec<Observation>,
    ) -> bool {
        let evidence = Evidence::new(observations, Some(target), judged_at, Policy::default());
        let Some(fact) = self.entries.iter().find_map(|entry| entry.fitting(&evidence)) else {
            return false;
        };
        observations.retain(|seen| !matches!(seen.fact, Fact::ListedBastion { .. }));
        let taken = |id: &ObservationId| observations.iter().any(|seen| seen.id == *id);
        let mut ids = (observations.len() + 1..).map(ObservationId::numbered);
        let Some(id) = ids.find(|id| !taken(id)) else { return false };
        observations.push(Observation {
            id,
            source: Source::User,
            stage: Stage::Client,
            at: None,
            at_ms: 0,
            origin: Some(Origin { file: self.file.clone(), frame: None }),
            connection: None,
            fact,
        });
        true
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// `bastions.toml` and `bastions.json` in the user's and in the system's folder of settings.
fn usual_places() -> Vec<PathBuf> {
    let set =
        |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let folders = if cfg!(windows) {
        [set("APPDATA"), set("ProgramData")]
    } else {
        let home = || set("HOME").map(|home| home.join(".config"));
        [set("XDG_CONFIG_HOME").or_else(home), Some(PathBuf::from("/etc"))]
    };
    let files = ["bastions.toml", "bastions.json"];
    let inside = |folder: PathBuf| files.map(|file| folder.join("rdpdoctor").join(file));
    folders.into_iter().flatten().flat_map(inside).collect()
}

// ── the file ────────────────────────────────────────────────────────────────────────────────────

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    #[serde(default)]
    bastion: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    label: Option<String>,
    #[serde(default)]
    name: OneOrMore,
    #[serde(default)]
    issuer: OneOrMore,
    #[serde(default)]
    fingerprint: OneOrMore,
}

/// A text or a list of texts.
#[derive(Deserialize)]
#[serde(untagged, expecting = "wanted is a text or a list of texts")]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Default for OneOrMore {
    fn default() -> Self {
        Self::More(Vec::new())
    }
}

fn parse(text: &str) -> anyhow::Result<Vec<BastionEntry>> {
    let is_json = text.trim_start().starts_with('{');
    let listing: Listing = if is_json {
        serde_json::from_str(text).map_err(|error| anyhow::anyhow!("{error}"))?
    } else {
        toml::from_str(text).map_err(|error| in_toml(&error, text))?
    };
    ensure!(listing.bastion.len() <= MOST, "it has more than {MOST} bastions");
    let entry = |(index, row)| entry(row).with_context(|| format!("bastion {}", index + 1));
    listing.bastion.into_iter().enumerate().map(entry).collect()
}

/// The error on one line, which its own words are not.
fn in_toml(error: &toml::de::Error, text: &str) -> anyhow::Error {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map(|before| format!("line {}: ", before.matches('\n').count() + 1));
    let message: Vec<&str> = error.message().lines().collect();
    anyhow::anyhow!("{}{}", line.unwrap_or_default(), message.join(" "))
}

fn entry(row: Row) -> anyhow::Result<BastionEntry> {
    let (names, issuers) = (patterns(row.name)?, patterns(row.issuer)?);
    let fingerprints = patterns(row.fingerprint)?;
    let fingerprints: Vec<String> =
        fingerprints.iter().map(|text| fingerprint(text)).collect::<anyhow::Result<_>>()?;
    let marks = [&names, &issuers, &fingerprints];
    ensure!(
        marks.iter().any(|mark| !mark.is_empty()),
        "it has none of name, issuer and fingerprint, and would fit nothing"
    );
    let all = |texts: &[String]| texts.iter().any(|text| text.chars().all(|c| c == '*'));
    ensure!(!all(&names) && !all(&issuers), "a pattern of * alone would fit everything");
    let label = row.label.unwrap_or_else(|| "A bastion of the list".to_owned());
    Ok(BastionEntry { label: plain(&label)?, names, issuers, fingerprints })
}

fn patterns(texts: OneOrMore) -> anyhow::Result<Vec<String>> {
    let texts = match texts {
        OneOrMore::One(text) => vec![text],
        OneOrMore::More(texts) => texts,
    };
    ensure!(texts.len() <= MOST, "it has more than {MOST} patterns of a kind");
    texts.iter().map(|text| plain(text)).collect()
}

/// A short text on one line.
fn plain(text: &str) -> anyhow::Result<String> {
    let text = text.trim().to_owned();
    let fine = !text.is_empty() && !text.chars().any(char::is_control);
    ensure!(fine, "a text in it is empty or more than one line");
    ensure!(text.len() <= LONGEST_TEXT, "a text in it has more than {LONGEST_TEXT} bytes");
    Ok(text)
}

/// As Windows, OpenSSL and browsers write them.
fn fingerprint(text: &str) -> anyhow::Result<String> {
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | ' ' | '-')).collect();
    let hexadecimal = digits.chars().all(|c| c.is_ascii_hexdigit());
    if !hexadecimal || !matches!(digits.len(), 40 | 64) {
        bail!("{text:?} is no SHA-256 or SHA-1 in hexadecimal");
    }
    Ok(digits.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_list_in_both_forms() {
        let toml = "[[bastion]]\nlabel = \"Jump\"\nname = [\"a*.corp\", \"b.corp\"]\n\
                    issuer = \"Corp PAM CA\"\n\n[[bastion]]\nname = \"c\"\n";
        let json = r#" {"bastion": [{"label": "Jump", "name": ["a*.corp", "b.corp"],
                    "issuer": "Corp PAM CA"}, {"name": "c"}]}"#;
        let listed = parse(toml).expect("a list");
        assert_eq!(listed, parse(json).expect("a list"));
        assert_eq!((listed.len(), listed[0].names.len()), (2, 2));
        assert_eq!(listed[1].label, "A bastion of the list");
        assert_eq!(parse("").expect("nothing"), []);
        assert_eq!(parse("# none yet\n").expect("nothing"), []);
    }

    #[test]
    fn fingerprints_as_they_are_copied() {
        let of = |text: &str| parse(&format!("[[bastion]]\nfingerprint = \"{text}\"\n"));
        let wanted = Some("ab".repeat(32));
        for text in ["AB:".repeat(32), "ab".repeat(32), "AB ".repeat(32)] {
            let text = text.trim_end_matches(':');
            let listed = of(text).expect("a list");
            assert_eq!(listed[0].fingerprints.first(), wanted.as_ref(), "{text}");
        }
        assert!(of(&"ab".repeat(20)).is_ok());
        for text in ["ab", "", &"xy".repeat(32), &"ab".repeat(33)] {
            assert!(of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_on_one_line() {
        for text in [
            "nonsense",
            "[[bastion]]\n",
            "[[bastion]]\nlabel = \"x\"\n",
            "[[bastion]]\nname = \"*\"\n",
            "[[bastion]]\nname = \"\"\n",
            "[[bastion]]\nname = 5\n",
            "[[bastion]]\nnames = \"x\"\n",
            "[bastion]\nname = \"x\"\n",
            "[[bastions]]\nname = \"x\"\n",
            "{\"bastion\": [{\"name\": \"x\"}",
            "{\"bastion\": [{\"name\": {}}]}",
            "[[bastion]]\nname = \"a\\nb\"\n",
        ] {
            let error = format!("{:#}", parse(text).expect_err(text));
            assert!(!error.contains('\n') && !error.is_empty(), "{text}: {error}");
        }
    }
}
