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

use std::collections::{BTreeSet, VecDeque};
use std::io::{ErrorKind, Read};
use std::sync::Arc;

use ::evtx::ParserSettings;
use rayon::prelude::*;
use rdpdoctor_model::{Fact, Stage, Timestamp, WindowsEvent};

pub use attempts::{Attempt, Attempts, attempts};
use block::{Block, Content, guarded};
pub use known::{Class, End, taken};

/// The file's header, before the first block.
const HEADER: usize = 4096;

/// A block, called chunk in the format.
const BLOCK: usize = 65_536;

/// Blocks that are in memory at a time.
const AT_A_TIME: usize = 32;

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
    pub event: WindowsEvent,
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
        let Some(length) = log.fill(&mut source, &mut header) else { return log };
        if length < HEADER {
            log.problem("the file ends within its header".to_owned());
            return log;
        }
        let claimed = u16::from_le_bytes([header[42], header[43]]);
        let settings = Arc::new(ParserSettings::default().indent(false));
        let mut used = 0_u64;
        let mut waiting = Vec::with_capacity(AT_A_TIME);
        for number in 0..MOST_BLOCKS {
            let mut block = vec![0; BLOCK];
            let Some(length) = log.fill(&mut source, &mut block) else { break };
            if length == 0 {
                break;
            }
            if length < BLOCK {
                log.blocks(&mut waiting, &settings);
                log.problem(format!("the file ends within block {number}"));
            }
            // A log is made longer in advance; what was never written is zero.
            if block.iter().all(|&byte| byte == 0) {
                continue;
            }
            used += 1;
            waiting.push((number, block));
            if waiting.len() == AT_A_TIME {
                log.blocks(&mut waiting, &settings);
            }
        }
        log.blocks(&mut waiting, &settings);
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

    /// Fills the buffer as far as the source goes; none when it cannot be read.
    fn fill(&mut self, source: &mut impl Read, buffer: &mut [u8]) -> Option<usize> {
        let mut length = 0;
        while length < buffer.len() {
            match source.read(&mut buffer[length..]) {
                Ok(0) => break,
                Ok(more) => length += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.problem(format!("the file could not be read on: {error}"));
                    return None;
                }
            }
        }
        Some(length)
    }

    /// Reads blocks on all processors, and takes what is in them in their order.
    fn blocks(&mut self, waiting: &mut Vec<Block>, settings: &Arc<ParserSettings>) {
        let read: Vec<_> = match waiting.len() {
            // Threads are not worth their start.
            0 | 1 => waiting.drain(..).map(|block| guarded(block, settings)).collect(),
            _ => waiting.par_drain(..).map(|block| guarded(block, settings)).collect(),
        };
        for (number, read) in read {
            match read {
                Ok(read) => self.take(read),
                Err(problem) => {
                    self.lost_blocks += 1;
                    self.problem(format!("block {number} could not be read{problem}"));
                }
            }
        }
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
