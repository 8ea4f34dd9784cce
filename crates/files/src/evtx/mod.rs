//! Windows event logs: what in them concerns Remote Desktop.
//!
//! The format is a header of 4 KiB and blocks of 64 KiB, each readable by itself (MS-EVEN6 has the
//! XML inside, the `evtx` crate the blocks). So a log is read some blocks at a time, on all processors;
//! what is damaged costs its block or its record, and is said.

mod attempts;
mod block;
mod heads;
mod json;
mod known;
mod record;
#[cfg(test)]
mod tests;
mod unread;

use std::collections::{BTreeSet, VecDeque};
use std::io::Read;
use std::sync::mpsc;

use rdpdoctor_model::{Fact, Stage, Timestamp, WindowsEvent};

pub use attempts::{Attempt, Attempts, attempts};
use block::{Content, guarded};
use heads::Heads;
pub use known::{Class, End, taken};
use unread::{Batch, Unread, fill};

/// The file's header, before the first block.
const HEADER: usize = 4096;

/// A block, called chunk in the format.
const BLOCK: usize = 65_536;

/// How many batches of blocks are in memory for each processor, and at most.
const FOR_EACH: usize = 4;
const MOST_AT_A_TIME: usize = 32;

/// Blocks that are read at most: the header counts them in 16 bits.
const MOST_BLOCKS: u64 = 65_536;

/// Entries that are kept, the newest ones.
const MOST_EVENTS: usize = 50_000;

/// Times at which the clock was set that are kept, the newest ones, and the least that counts.
const MOST_JUMPS: usize = 1_000;
const LEAST_JUMP_MS: u64 = 500;

/// Different names of computers and channels, and problems, that are kept.
const MOST_NAMES: usize = 16;

/// An entry that concerns Remote Desktop.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The number of its record.
    pub record: u64,
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    pub event: Box<WindowsEvent>,
    /// What it means for an attempt.
    pub class: Class,
    /// The stage it belongs to.
    pub stage: Stage,
    /// What became of that stage.
    pub end: End,
}

/// An event log, as far as it could be read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Log {
    /// The entries, in the order of their records.
    pub entries: VecDeque<Entry>,
    computers: Vec<String>,
    channels: BTreeSet<String>,
    records: u64,
    concerning: u64,
    lost_records: u64,
    lost_blocks: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    problems: Vec<String>,
    jumps: VecDeque<Jump>,
}

/// That the clock was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jump {
    /// When, by the clock as it was afterwards.
    pub at: Timestamp,
    /// By how many milliseconds it was set forward.
    pub by_ms: i64,
}

impl Log {
    /// Reads a log to its end, or to where it cannot be read any more.
    pub fn read(mut source: impl Read) -> Self {
        let mut log = Self::default();
        let mut header = vec![0; HEADER];
        let (length, error) = fill(&mut source, &mut header);
        if length < HEADER {
            log.problem(error.unwrap_or_else(|| "the file ends within its header".to_owned()));
            return log;
        }
        let claimed = u16::from_le_bytes([header[42], header[43]]);
        let heads = Heads::default();
        let mut used = 0_u64;
        let mut unread = Unread::new(source);
        let most = (rayon::current_num_threads() * FOR_EACH).min(MOST_AT_A_TIME);
        let mut spare = Vec::new();
        rayon::in_place_scope(|scope| {
            let heads = &heads;
            let mut read = VecDeque::new();
            loop {
                while read.len() < most
                    && let Some(mut batch) = unread.next(&mut spare)
                {
                    let (done, result) = mpsc::sync_channel(1);
                    read.push_back(result);
                    scope.spawn(move |_| {
                        let contents = guarded(batch.filled(), heads);
                        // Nobody waits for it only where this very function was left.
                        let _ = done.send((batch, contents));
                    });
                }
                let Some(Ok((batch, contents))) = read.pop_front().map(|result| result.recv())
                else {
                    break;
                };
                used += batch.used;
                log.take_batch(&batch, contents);
                spare.push(batch);
            }
        });
        if u64::from(claimed) > used {
            log.problem(format!("the header tells of {claimed} blocks, and {used} are there"));
        }
        log
    }

    /// What was read, and what was lost.
    pub fn fact(&self) -> Fact {
        Fact::EventLog {
            computers: self.computers.clone(),
            channels: self.channels.iter().cloned().collect(),
            records: self.records,
            concerning: self.concerning,
            lost_records: self.lost_records,
            lost_blocks: self.lost_blocks,
            first: self.first,
            last: self.last,
            problems: self.problems.clone(),
        }
    }

    /// Whether this computer wrote it, or a part of it.
    pub fn is_of(&self, computer: &str) -> bool {
        self.computers.iter().any(|own| own.eq_ignore_ascii_case(computer))
    }

    /// When its computer's clock was set, in the order of the records.
    pub fn jumps(&self) -> impl Iterator<Item = Jump> + '_ {
        self.jumps.iter().copied()
    }

    fn set(&mut self, jumps: Vec<Jump>) {
        self.jumps.extend(jumps);
        if self.jumps.len() > MOST_JUMPS {
            self.jumps.drain(..self.jumps.len() - MOST_JUMPS);
        }
    }

    /// Whether it is the log of the client's side.
    pub fn is_clients(&self) -> bool {
        self.channels.iter().any(|channel| channel.contains("RDPClient"))
    }

    /// Takes what was in some blocks.
    fn take_batch(&mut self, batch: &Batch, contents: Vec<Content>) {
        for content in contents {
            for (place, why) in &content.lost_blocks {
                let number = batch.first + *place as u64;
                self.lost_blocks += 1;
                self.problem(format!("block {number} could not be read: {why}"));
            }
            self.take(content);
        }
        batch.problem.iter().for_each(|problem| self.problem(problem.clone()));
    }

    fn take(&mut self, block: Content) {
        self.records += block.records;
        self.lost_records += block.lost;
        self.concerning += block.entries.len() as u64;
        block.computers.iter().for_each(|name| self.written_on(name));
        for channel in block.channels {
            if self.channels.len() < MOST_NAMES {
                self.channels.insert(channel);
            }
        }
        self.first = self.first.into_iter().chain(block.first).min();
        self.last = self.last.into_iter().chain(block.last).max();
        self.entries.extend(block.entries);
        self.set(block.jumps);
        if self.entries.len() > MOST_EVENTS {
            self.entries.drain(..self.entries.len() - MOST_EVENTS);
            self.problem(format!("only the newest {MOST_EVENTS} entries were looked at"));
        }
    }

    /// The last name is the one that the computer bears now.
    fn written_on(&mut self, name: &str) {
        if name.is_empty() || self.computers.last().is_some_and(|last| last == name) {
            return;
        }
        self.computers.retain(|other| other != name);
        if self.computers.len() == MOST_NAMES {
            self.computers.remove(0);
        }
        self.computers.push(name.to_owned());
    }

    fn problem(&mut self, problem: String) {
        if self.problems.len() < MOST_NAMES && !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}
