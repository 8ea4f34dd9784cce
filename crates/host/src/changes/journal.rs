//! What was done in a run, on disk before it is done: whoever is killed leaves it behind, and whoever
//! starts next knows how far it went.
//!
//! A line an entry, `{"sum":"...","entry":{...}}`. The sum is that of the line before and this entry,
//! so that no line can be lost, doubled or moved unseen. A last line that is not whole was being
//! written when the power went: it counts as not written.

#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use rdpdoctor_model::{Plan, State, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Longest journal that is read.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Digits of a line's sum.
const SUM: usize = 16;

const HEAD: &str = "{\"sum\":\"";
const MIDDLE: &str = "\",\"entry\":";

/// One thing that happened, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub entry: Entry,
}

/// What can happen in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "did", rename_all = "kebab-case")]
pub enum Entry {
    /// It began; nothing is changed yet.
    Began(Box<Began>),
    /// What a step touches was read and is kept; the step follows.
    Saved {
        /// The step's number in the plan, from 0.
        step: usize,
        /// What stood there.
        state: State,
    },
    /// A service was stopped to be restarted, and these with it.
    Stopped {
        /// The step.
        step: usize,
        /// What has to be started again, in this order.
        services: Vec<String>,
    },
    /// A step is done.
    Done {
        /// The step.
        step: usize,
    },
    /// A handshake with the listener: none where it passed.
    Handshake {
        /// Why it failed.
        failed: Option<String>,
    },
    /// Every step is done and verified; somebody has to confirm until then.
    Awaiting {
        /// Until when.
        until: Timestamp,
        /// What differs with the next start of the machine.
        boot: Option<String>,
    },
    /// Somebody said that it may stay, or came in from outside.
    Confirmed {
        /// Who, or by what.
        by: String,
    },
    /// The way back begins.
    GoingBack {
        /// Why.
        why: String,
    },
    /// What a step touches is as it was.
    PutBack {
        /// The step.
        step: usize,
    },
    /// What a step touches could not be put back.
    NotPutBack {
        /// The step.
        step: usize,
        /// Why.
        why: String,
    },
    /// The entry in the system's log is written, or why it is not.
    Logged {
        /// Which.
        id: u32,
        /// Why it is not.
        failed: Option<String>,
    },
    /// It is over.
    Ended {
        /// What came of it.
        outcome: Outcome,
    },
}

/// How a run began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Began {
    /// Its name.
    pub run: String,
    /// Who began it.
    pub who: Option<String>,
    /// By which way they came, where it could be cut.
    pub came_by: Option<String>,
    /// The change ticket.
    pub ticket: Option<String>,
    /// The SHA-256 of the approved plan's file.
    pub plan_sha256: Option<String>,
    /// How many seconds to wait for a confirmation; none where nobody waits.
    pub confirm_within: Option<u64>,
    /// What is done.
    pub plan: Plan,
}

/// What came of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It stays.
    Kept,
    /// Everything is as it was before.
    RolledBack,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// In the middle of its steps.
    Applying,
    /// Done, and waiting for a word.
    Awaiting {
        /// Until when.
        until: Timestamp,
        /// The start of the machine that it was done in.
        boot: Option<String>,
    },
    /// Confirmed, but the end is not written.
    Confirmed,
    /// On the way back.
    GoingBack,
    /// Over.
    Ended(Outcome),
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file.
    #[error("{0}: {1}")]
    File(PathBuf, #[source] std::io::Error),
    /// A line in the middle is not what was written.
    #[error("{0}: line {1} is not as it was written; nothing is done by it")]
    Damaged(PathBuf, usize),
    /// It does not begin as one.
    #[error("{0}: it holds no beginning of a run")]
    NoBeginning(PathBuf),
}

/// The journal of one run.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    sum: String,
    whole: u64,
    records: Vec<Record>,
}

impl Journal {
    /// Begins a journal in a folder of its own that exists.
    ///
    /// # Errors
    /// When it cannot be written, or is there.
    pub fn begin(path: &Path, began: Began) -> Result<Self, JournalError> {
        let failed = |error| JournalError::File(path.to_owned(), error);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        owner_only(&mut options);
        let file = options.open(path).map_err(failed)?;
        let mut journal =
            Self { path: path.to_owned(), file, sum: String::new(), whole: 0, records: Vec::new() };
        journal.add(Entry::Began(Box::new(began)))?;
        sync_folder(path).map_err(failed)?;
        Ok(journal)
    }

    /// Opens a journal that is there.
    ///
    /// # Errors
    /// When it cannot be read, or is not as it was written.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let failed = |error| JournalError::File(path.to_owned(), error);
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(failed)?;
        let mut journal =
            Self { path: path.to_owned(), file, sum: String::new(), whole: 0, records: Vec::new() };
        journal.refresh()?;
        match journal.records.first() {
            Some(Record { entry: Entry::Began(_), .. }) => Ok(journal),
            _ => Err(JournalError::NoBeginning(path.to_owned())),
        }
    }

    /// Reads what others have written meanwhile.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn refresh(&mut self) -> Result<(), JournalError> {
        let mut text = Vec::new();
        let read = self
            .file
            .seek(SeekFrom::Start(self.whole))
            .and_then(|_| (&self.file).take(LONGEST).read_to_end(&mut text));
        read.map_err(|error| JournalError::File(self.path.clone(), error))?;
        let mut lines = text.split_inclusive(|byte| *byte == b'\n').peekable();
        while let Some(line) = lines.next() {
            match read_line(line, &self.sum) {
                Some((sum, record)) => {
                    self.sum = sum;
                    self.whole += line.len() as u64;
                    self.records.push(record);
                }
                None if lines.peek().is_none() => break,
                None => {
                    return Err(JournalError::Damaged(self.path.clone(), self.records.len() + 1));
                }
            }
        }
        Ok(())
    }

    /// Writes an entry, and returns when it is on the disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, entry: Entry) -> Result<(), JournalError> {
        let record = Record { at: Timestamp::now(), entry };
        let failed = |error| JournalError::File(self.path.clone(), error);
        let json = serde_json::to_string(&record).map_err(|why| failed(why.into()))?;
        let sum = sum_of(&self.sum, &json);
        let line = format!("{HEAD}{sum}{MIDDLE}{json}}}\n");
        // What a torn line left is written over.
        let written = self
            .file
            .set_len(self.whole)
            .and_then(|()| self.file.seek(SeekFrom::Start(self.whole)))
            .and_then(|_| self.file.write_all(line.as_bytes()))
            .and_then(|()| self.file.sync_all());
        written.map_err(failed)?;
        self.whole += line.len() as u64;
        self.sum = sum;
        self.records.push(record);
        Ok(())
    }

    /// Everything that is written.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// How it began.
    ///
    /// # Errors
    /// Never of one that was opened or begun.
    pub fn began(&self) -> Result<&Began, JournalError> {
        match self.records.first() {
            Some(Record { entry: Entry::Began(began), .. }) => Ok(began),
            _ => Err(JournalError::NoBeginning(self.path.clone())),
        }
    }

    /// How far it is.
    pub fn phase(&self) -> Phase {
        let mut phase = Phase::Applying;
        for record in &self.records {
            phase = match &record.entry {
                Entry::Awaiting { until, boot } => {
                    Phase::Awaiting { until: *until, boot: boot.clone() }
                }
                Entry::Confirmed { .. } => Phase::Confirmed,
                Entry::GoingBack { .. } => Phase::GoingBack,
                Entry::Ended { outcome } => Phase::Ended(*outcome),
                _ => phase,
            };
        }
        phase
    }

    /// What stood there before a step, where that was read.
    pub fn saved(&self, step: usize) -> Option<&State> {
        self.records.iter().find_map(|record| match &record.entry {
            Entry::Saved { step: of, state } if *of == step => Some(state),
            _ => None,
        })
    }

    /// Whether a step is done.
    pub fn is_done(&self, step: usize) -> bool {
        self.records.iter().any(|r| matches!(r.entry, Entry::Done { step: of } if of == step))
    }

    /// Services that were stopped for a step.
    pub fn stopped(&self, step: usize) -> Vec<String> {
        let last = self.records.iter().rev().find_map(|record| match &record.entry {
            Entry::Stopped { step: of, services } if *of == step => Some(services.clone()),
            _ => None,
        });
        last.unwrap_or_default()
    }

    /// Why the last way back was begun.
    pub fn why_back(&self) -> Option<&str> {
        self.records.iter().rev().find_map(|record| match &record.entry {
            Entry::GoingBack { why } => Some(why.as_str()),
            _ => None,
        })
    }

    /// Steps of the last way back that could not be put back.
    pub fn not_put_back(&self) -> Vec<(usize, &str)> {
        let begun = self.records.iter().rposition(|r| matches!(r.entry, Entry::GoingBack { .. }));
        self.records[begun.unwrap_or(self.records.len())..]
            .iter()
            .filter_map(|record| match &record.entry {
                Entry::NotPutBack { step, why } => Some((*step, why.as_str())),
                _ => None,
            })
            .collect()
    }

    /// Whether the entry in the system's log was written, or tried, since the last turn.
    pub(super) fn is_logged(&self, id: u32) -> bool {
        let turn = self.records.iter().rposition(|r| matches!(r.entry, Entry::GoingBack { .. }));
        self.records[turn.unwrap_or(0)..]
            .iter()
            .any(|record| matches!(record.entry, Entry::Logged { id: of, .. } if of == id))
    }
}

fn sum_of(before: &str, json: &str) -> String {
    let mut digest = Sha256::new();
    digest.update(before.as_bytes());
    digest.update(json.as_bytes());
    let digest = digest.finalize();
    digest.iter().take(SUM / 2).map(|byte| format!("{byte:02x}")).collect()
}

/// A whole line whose sum is right.
fn read_line(line: &[u8], before: &str) -> Option<(String, Record)> {
    let text = std::str::from_utf8(line).ok()?.strip_suffix("}\n")?.strip_prefix(HEAD)?;
    let (sum, rest) = text.split_at_checked(SUM)?;
    let json = rest.strip_prefix(MIDDLE)?;
    if sum != sum_of(before, json) {
        return None;
    }
    Some((sum.to_owned(), serde_json::from_str(json).ok()?))
}

/// Nobody else may read it: it holds names of users and what stands in the registry.
pub(super) fn owner_only(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _ = options;
}

/// A name is on the disk when its folder is. Windows has no such call; NTFS journals names itself.
pub(super) fn sync_folder(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
