//! The blocks of a log that were not read yet.

use std::io::{ErrorKind, Read};

use super::block::{self, is_unused};
use super::{BLOCK, HEADER, MOST_BLOCKS};

/// Blocks that are read together.
const TOGETHER: usize = 8;

/// A log behind its header.
pub(super) struct Unread<R> {
    source: R,
    next: u64,
    is_at_end: bool,
}

/// Some blocks behind a header as the parser wants it.
pub(super) struct Batch {
    /// The number of the first block.
    pub(super) first: u64,
    /// How many of the blocks were ever written.
    pub(super) used: u64,
    /// Why nothing follows, where that is not as it should be.
    pub(super) problem: Option<String>,
    bytes: Vec<u8>,
    length: usize,
}

impl<R: Read> Unread<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, next: 0, is_at_end: false }
    }

    /// The next blocks, if there are some, or a problem; they take the place of some that are of no
    /// more use.
    pub(super) fn next(&mut self, spare: &mut Vec<Batch>) -> Option<Batch> {
        if self.is_at_end {
            return None;
        }
        let mut batch = spare.pop().unwrap_or_else(Batch::new);
        self.read(&mut batch);
        (batch.length > 0 || batch.problem.is_some()).then_some(batch)
    }

    fn read(&mut self, batch: &mut Batch) {
        let (length, error) = fill(&mut self.source, &mut batch.bytes[HEADER..]);
        let (whole, rest) = (length / BLOCK * BLOCK, length % BLOCK);
        batch.first = self.next;
        batch.length = whole;
        batch.problem = error;
        if rest > 0 && batch.problem.is_none() {
            batch.length += BLOCK;
            batch.bytes[HEADER + length..HEADER + batch.length].fill(0);
            let block = self.next + (whole / BLOCK) as u64;
            batch.problem = Some(format!("the file ends within block {block}"));
        }
        let blocks = batch.filled()[HEADER..].as_chunks::<BLOCK>().0;
        batch.used = blocks.iter().filter(|block| !is_unused(*block)).count() as u64;
        self.next += (batch.length / BLOCK) as u64;
        self.is_at_end = length < TOGETHER * BLOCK || self.next >= MOST_BLOCKS;
    }
}

impl Batch {
    fn new() -> Self {
        let mut bytes = block::header();
        bytes.resize(HEADER + TOGETHER * BLOCK, 0);
        Self { first: 0, used: 0, problem: None, bytes, length: 0 }
    }

    /// The header, and the blocks that there are.
    pub(super) fn filled(&mut self) -> &mut [u8] {
        &mut self.bytes[..HEADER + self.length]
    }
}

/// Fills the buffer as far as the source goes: how far that is, and why it cannot be read on.
pub(super) fn fill(source: &mut impl Read, buffer: &mut [u8]) -> (usize, Option<String>) {
    let mut length = 0;
    while length < buffer.len() {
        match source.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return (length, Some(format!("the file could not be read on: {error}"))),
        }
    }
    (length, None)
}
