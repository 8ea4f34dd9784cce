//! Facts of a Windows machine as evidence, and the document of what they say.

use std::path::Path;

use anyhow::{Context as _, ensure};
use rdpdoctor_files::text;
use rdpdoctor_host::script::{self, PartError};
use rdpdoctor_host::system::disk::Disk;
use rdpdoctor_host::{FactsFile, Side, collect, observations};
use rdpdoctor_model::{
    DEFAULT_PORT, Fact, Observation, ObservationId, RegistryData, StageOutcome, Target, Timestamp,
};
use rdpdoctor_report::Document;
use rdpdoctor_report::document::{Engine, RunContext};

use crate::commands::read::{self, ReportedCode};
use crate::evidence_file;
use crate::output;

/// Longest collection of facts.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Facts of one machine, and where they are from.
#[derive(Clone)]
pub struct MachineFacts {
    /// Which end it is.
    pub side: Side,
    /// The facts.
    pub facts: Vec<Fact>,
    /// The file they were read from, if so.
    pub file: Option<String>,
    /// What a client sees of its listener, where that was tried beside, or how it was asked.
    pub outside: Vec<Observation>,
    /// How far that went, where it is not the usual way.
    pub read: Option<String>,
}

impl MachineFacts {
    /// Reads collections: a file each, and the numbered parts of all files together, by the run that
    /// they are from.
    pub fn read(paths: &[&Path]) -> anyhow::Result<Vec<Self>> {
        let mut all = Vec::new();
        let (mut in_parts, mut names) = (Vec::new(), Vec::new());
        for path in paths {
            let name = path.display().to_string();
            let bytes = evidence_file::bytes(path, LONGEST + 1)?;
            ensure!(bytes.len() as u64 <= LONGEST, "{name} is longer than any collection of facts");
            let text = text::decode(&bytes).text;
            if script::has_parts(&text) {
                in_parts.push(text);
                names.push(name);
                continue;
            }
            let read = FactsFile::read(text.trim())
                .map_err(|why| anyhow::anyhow!("{why}"))
                .with_context(|| name.clone())?;
            all.push(Self {
                side: read.side,
                facts: read.facts,
                file: Some(name),
                outside: Vec::new(),
                read: None,
            });
        }
        let collected = script::collected(in_parts.iter().map(String::as_str));
        let name = names.join(", ");
        ensure!(
            in_parts.is_empty() || !collected.is_empty(),
            "{name} holds the beginning of a part of facts, and no part of them"
        );
        for run in collected {
            run.damaged.iter().for_each(|(number, why)| complain(&name, *number, *why));
            let file = Some(name.clone());
            all.push(Self {
                side: run.file.side,
                facts: run.file.facts,
                file,
                outside: Vec::new(),
                read: None,
            });
        }
        Ok(all)
    }

    /// Looks at the disk of a machine that does not run.
    pub fn of_disk(side: Side, path: &Path, profile: Option<&str>) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let disk = Disk::open(path, profile).with_context(|| name.clone())?;
        let facts = collect(&disk, side);
        Ok(Self { side, facts, file: Some(name), outside: Vec::new(), read: None })
    }

    /// What the facts say, as evidence: how far it went is the last of it.
    pub fn observations(&self) -> Vec<Observation> {
        let facts = self.facts.clone();
        let mut all = observations(facts, self.side, self.file.as_deref());
        all.push(Observation {
            id: ObservationId::numbered(all.len() + 1),
            source: self.side.source(),
            stage: self.side.stage(),
            at: None,
            at_ms: 0,
            origin: None,
            connection: None,
            fact: Fact::StageEnded {
                outcome: StageOutcome::Passed,
                reason: Some(
                    self.read.clone().unwrap_or_else(|| "the machine's facts were read".to_owned()),
                ),
                elapsed_ms: 0.0,
            },
        });
        for observation in &self.outside {
            let id = ObservationId::numbered(all.len() + 1);
            all.push(Observation { id, ..observation.clone() });
        }
        all
    }

    /// The machine, as a target: its name, and the port its listener is set to.
    pub fn target(&self) -> Target {
        let computer = self.facts.iter().find_map(|fact| match fact {
            Fact::FactsOf(of) => of.computer.clone(),
            _ => None,
        });
        let port = self.facts.iter().find_map(|fact| match fact {
            Fact::RegistryValue(value)
                if value.name == "PortNumber"
                    && value.key.to_ascii_lowercase().ends_with(r"\winstations\rdp-tcp") =>
            {
                value.data.as_seen().and_then(RegistryData::number)
            }
            _ => None,
        });
        let host = computer.unwrap_or_default();
        let input =
            if host.is_empty() { self.file.clone().unwrap_or_default() } else { host.clone() };
        let port = port.and_then(|port| u16::try_from(port).ok()).unwrap_or(DEFAULT_PORT);
        Target { input, host, port }
    }

    /// The document of the facts alone, judged as of the moment they were read.
    pub fn judged(&self, reported: ReportedCode) -> Document {
        let mut observations = self.observations();
        read::report(&mut observations, reported);
        let collected_at = observations.iter().find_map(|o| o.at);
        let run = RunContext {
            target: self.target(),
            addresses: Vec::new(),
            via: None,
            started_at: collected_at.unwrap_or_else(Timestamp::now),
            elapsed_ms: 0,
            engine: Engine::Portable,
            last_stage_asked: None,
        };
        read::judge(run, observations)
    }
}

/// Says what is wrong with a part that was cut or changed on its way.
fn complain(name: &str, number: u32, why: PartError) {
    let what = match why {
        PartError::Damaged => "is cut off or was changed on its way",
        PartError::Unreadable => "is whole and cannot be unpacked",
    };
    output::complain(&format!("{name}: part {number} {what}"));
}
