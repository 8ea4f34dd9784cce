//! Transaction logs: what was meant for a hive and had not reached it when the machine went off.
//!
//! From Windows 8.1 on the file itself is rarely written: a machine that runs well leaves its last
//! hour in `.LOG1` and `.LOG2`. The rules are those of the format's description by M. Suhanov
//! ("Windows registry file format specification", recovery).

use std::io::Cursor;

use regf::structures::calculate_checksum;
use regf::transaction_log::OldFormatLog;
use regf::{BASE_BLOCK_SIZE, BaseBlock};

use super::LONGEST;
use super::log::{Entry, HEADER, Log};

/// Brings a hive up to its logs; says how many of their entries were needed.
pub(super) fn recover(bytes: &mut Vec<u8>, logs: &[Vec<u8>], problems: &mut Vec<String>) -> u32 {
    let base = bytes.get(..BASE_BLOCK_SIZE).and_then(|head| BaseBlock::parse(head).ok());
    let base = base.filter(|base| base.checksum_valid);
    if base.as_ref().is_some_and(|base| !base.is_dirty()) {
        return 0;
    }
    // Windows makes logs in advance; what was never used is zero, and none.
    let new: Vec<Log<'_>> = logs.iter().filter_map(|log| Log::read(log)).collect();
    let old = logs.iter().filter_map(|log| {
        let read = OldFormatLog::parse(Cursor::new(log)).ok()?;
        Some((read, log.get(..HEADER)?))
    });
    let old: Vec<(OldFormatLog, &[u8])> = old.collect();
    let start = base.map_or_else(
        || {
            problems.push("its header is damaged".to_owned());
            headless(bytes, &new, &old)
        },
        |base| Start { sequence: base.secondary_sequence, written: Some(base.last_written) },
    );
    let applied = apply_new(bytes, &new, start.sequence) + apply_old(bytes, &old, start.written);
    if applied == 0 {
        problems.push(
            "it was not closed cleanly and no transaction log goes on from it: the last changes may \
             be missing"
                .to_owned(),
        );
    }
    applied
}

/// Where the hive stands.
struct Start {
    sequence: u32,
    written: Option<u64>,
}

/// Gives a hive the header that a log repeats, the newest one's.
fn headless(bytes: &mut [u8], new: &[Log<'_>], old: &[(OldFormatLog, &[u8])]) -> Start {
    let newest = new.iter().max_by_key(|log| log.sequence);
    let header = newest.map(|log| log.header).or(old.first().map(|(_, header)| *header));
    if let (Some(header), Some(place)) = (header, bytes.get_mut(..HEADER)) {
        place.copy_from_slice(header);
        seal(bytes);
    }
    Start { sequence: newest.map_or(0, |log| log.sequence), written: None }
}

/// Entries that follow each other, from the hive's own number on, whichever log they stand in.
fn apply_new(bytes: &mut Vec<u8>, logs: &[Log<'_>], from: u32) -> u32 {
    let entries = logs.iter().flat_map(|log| &log.entries);
    let mut entries: Vec<&Entry<'_>> = entries.filter(|entry| entry.sequence >= from).collect();
    entries.sort_by_key(|entry| entry.sequence);
    let mut applied = 0;
    let mut next = entries.first().map(|entry| entry.sequence);
    for entry in entries {
        if next != Some(entry.sequence) || !resize(bytes, entry.length) {
            break;
        }
        entry.pages.iter().for_each(|(offset, page)| put(bytes, *offset, page));
        applied += 1;
        next = entry.sequence.checked_add(1);
    }
    applied
}

/// A log as it was until Windows 8: pages, for the one state of the hive that it names.
fn apply_old(bytes: &mut Vec<u8>, logs: &[(OldFormatLog, &[u8])], written: Option<u64>) -> u32 {
    let fits = |log: &OldFormatLog| written.is_none_or(|written| log.can_apply_to(written));
    let Some((log, _)) = logs.iter().find(|(log, _)| fits(log)) else { return 0 };
    if !resize(bytes, log.base_block.hive_bins_data_size) {
        return 0;
    }
    log.dirty_pages.iter().for_each(|page| put(bytes, page.offset, &page.data));
    u32::try_from(log.dirty_pages.len()).unwrap_or(u32::MAX)
}

/// Makes the hive as long as a log says.
fn resize(bytes: &mut Vec<u8>, data: u32) -> bool {
    if u64::from(data) > LONGEST || bytes.len() < BASE_BLOCK_SIZE {
        return false;
    }
    let length = usize::try_from(data).unwrap_or(0) + BASE_BLOCK_SIZE;
    if bytes.len() < length {
        bytes.resize(length, 0);
    }
    // Offset 40: the length of what follows the header.
    if let Some(place) = bytes.get_mut(40..44) {
        place.copy_from_slice(&data.to_le_bytes());
    }
    seal(bytes);
    true
}

fn seal(bytes: &mut [u8]) {
    let sum = bytes.get(..BASE_BLOCK_SIZE).map(calculate_checksum);
    if let (Some(sum), Some(place)) = (sum, bytes.get_mut(508..512)) {
        place.copy_from_slice(&sum.to_le_bytes());
    }
}

fn put(bytes: &mut [u8], offset: u32, data: &[u8]) {
    let start = usize::try_from(offset).unwrap_or(usize::MAX).saturating_add(BASE_BLOCK_SIZE);
    let place = start.checked_add(data.len()).and_then(|end| bytes.get_mut(start..end));
    if let Some(place) = place {
        place.copy_from_slice(data);
    }
}
