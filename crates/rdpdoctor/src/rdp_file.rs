//! An `.rdp` file that the user named: its observations, and its mended copy.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use rdpdoctor_files::rdpfile::{Change, Gateway, LONGEST, Way, mended};
use rdpdoctor_files::{Kind, RdpFile};
use rdpdoctor_model::{
    DEFAULT_PORT, Fact, Observation, ObservationId, Origin, Source, Stage, StageOutcome, Target,
    Timestamp,
};

use crate::evidence_file;

/// An `.rdp` file as it was named and read.
pub struct GivenFile {
    /// As the user named it.
    pub name: String,
    file: RdpFile,
    read_at: Timestamp,
}

impl GivenFile {
    /// The file that a target of `check` names; none when it is a host. A name that ends in `.rdp`,
    /// or a path of something that is there, is a file.
    pub fn named_by(target: &str) -> anyhow::Result<Option<Self>> {
        let path = Path::new(target);
        let is_path = target.contains(['/', '\\']) && path.is_file();
        if !has_extension(path) && !is_path {
            return Ok(None);
        }
        match evidence_file::kind(path)? {
            Kind::RdpFile | Kind::Text | Kind::Empty => Ok(Some(Self::read(path)?)),
            Kind::Unknown => bail!("{target} is no .rdp file"),
            kind => bail!("{target} is {kind}, no .rdp file; rdpdoctor read {target} takes those"),
        }
    }

    /// Reads the file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        // One byte more than is read says that there is more.
        let bytes = evidence_file::bytes(path, LONGEST as u64 + 1)?;
        let name = path.display().to_string();
        Ok(Self { name, file: RdpFile::read(&bytes), read_at: Timestamp::now() })
    }

    /// Where and how to connect; none when the file names nobody.
    pub fn way(&self) -> Option<Way> {
        self.file.way(&self.name)
    }

    /// Whom it is about; a file that names nobody stands for itself.
    pub fn target(&self) -> Target {
        let nobody =
            || Target { input: self.name.clone(), host: String::new(), port: DEFAULT_PORT };
        self.way().map_or_else(nobody, |way| way.target)
    }

    /// What it says, numbered behind `before` others, and how the stage went.
    pub fn observations(&self, before: usize) -> Vec<Observation> {
        let mut facts = self.file.facts();
        facts.push(match self.way() {
            Some(_) => ended(StageOutcome::Passed, None),
            None => ended(StageOutcome::Stopped, Some("it names no computer")),
        });
        let observation = |(index, fact)| Observation {
            id: ObservationId::numbered(before + index + 1),
            source: Source::RdpFile,
            stage: Stage::RdpFile,
            at: Some(self.read_at),
            at_ms: 0,
            origin: Some(Origin { file: self.name.clone(), frame: None }),
            connection: None,
            fact,
        };
        facts.into_iter().enumerate().map(observation).collect()
    }

    /// The observations of a check that ends before a gateway, which was not tried: what the direct
    /// way would show is not what the user has.
    pub fn ending_at_gateway(&self, gateway: &Gateway) -> Vec<Observation> {
        let mut observations = self.observations(0);
        let why = format!(
            "the file leads by way of gateway {} port {}, which is not tried; the direct way would \
             say nothing about it",
            gateway.host, gateway.port
        );
        let fact = ended(StageOutcome::Stopped, Some(&why));
        observations.push(Observation {
            id: ObservationId::numbered(observations.len() + 1),
            source: Source::Probe,
            stage: Stage::Gateway,
            at: Some(Timestamp::now()),
            at_ms: 0,
            origin: None,
            connection: None,
            fact,
        });
        observations
    }

    /// Writes the mended copy, and says what is different. Nothing that exists is written over.
    pub fn write_mended(&self, copy: &Path, mask: bool) -> anyhow::Result<String> {
        let (bytes, changes) = mended(&self.file);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        // It may hold the user's password, as the source does.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options
            .open(copy)
            .and_then(|mut file| file.write_all(&bytes))
            .with_context(|| format!("cannot write {}", copy.display()))?;
        Ok(match mask {
            false => difference(&self.name, &copy.display().to_string(), &changes, str::to_owned),
            true => difference("the file", "the mended copy", &changes, masked),
        })
    }
}

/// Whether a name ends in `.rdp`.
pub fn has_extension(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("rdp"))
}

/// A copy that could not be written is said before anything is tried.
pub fn may_write(copy: Option<&PathBuf>) -> anyhow::Result<()> {
    let Some(copy) = copy else { return Ok(()) };
    // A link that leads nowhere is something, too.
    let exists = copy.symlink_metadata().is_ok();
    ensure!(!exists, "{} exists; nothing is written over", copy.display());
    Ok(())
}

fn ended(outcome: StageOutcome, reason: Option<&str>) -> Fact {
    Fact::StageEnded { outcome, reason: reason.map(str::to_owned), elapsed_ms: 0.0 }
}

/// The difference, as `diff` writes it, with the reasons.
fn difference(source: &str, copy: &str, changes: &[Change], shown: fn(&str) -> String) -> String {
    let mut text = format!("\n--- {source}\n+++ {copy}\n");
    if changes.is_empty() {
        text.push_str("No line had to be changed; the copy is written as mstsc writes.\n");
    }
    for Change { line, before, after, why } in changes {
        let _ = writeln!(text, "@@ line {line}: {why} @@\n-{}", shown(before));
        if let Some(after) = after {
            let _ = writeln!(text, "+{}", shown(after));
        }
    }
    text
}

/// A line with its number; any other value may name somebody.
fn masked(line: &str) -> String {
    let mut parts = line.splitn(3, ':');
    let (name, value) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
    if value.trim().parse::<i64>().is_ok() {
        return line.to_owned();
    }
    format!("{name}: (not shown)")
}
