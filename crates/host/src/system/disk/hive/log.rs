//! A transaction log as Windows writes it from 8.1 on: a header and entries, each under two hashes
//! (M. Suhanov, "Windows registry file format specification", format of transaction log files).
//!
//! `regf` reads them too, with the seed of the hashes in the wrong order of bytes: it refuses every
//! log that Windows wrote. Its hash takes a seed, so that much is its own.

use regf::structures::{calculate_checksum, marvin32_hash};
use regf::{BASE_BLOCK_SIZE, BaseBlock};

/// What of the hive's header the log repeats.
pub(super) const HEADER: usize = 512;

/// HvLE, size, flags, number, length of the hive, count of pages, two hashes.
const ENTRY: usize = 40;

/// What the second hash covers: all before itself.
const HASHED: usize = 32;

const SEED: u64 = 0x82EF_4D88_7A4E_55C5;

/// A log of the new form.
const FILE_TYPE: u32 = 6;

/// A log that is one.
pub(super) struct Log<'b> {
    /// The header as it lies there.
    pub(super) header: &'b [u8],
    /// The number of its first entry, as its header has it.
    pub(super) sequence: u32,
    /// The entries that are whole.
    pub(super) entries: Vec<Entry<'b>>,
}

/// Pages that were written together.
pub(super) struct Entry<'b> {
    /// Its number; they go up by one.
    pub(super) sequence: u32,
    /// How long the hive is after it.
    pub(super) length: u32,
    /// Where they belong, and what they hold.
    pub(super) pages: Vec<(u32, &'b [u8])>,
}

impl<'b> Log<'b> {
    /// Reads a log up to the first entry that is not whole: what is behind it was never finished, or
    /// is an older day's.
    pub(super) fn read(bytes: &'b [u8]) -> Option<Self> {
        let (header, mut rest) = bytes.split_at_checked(HEADER)?;
        let mut block = header.to_vec();
        block.resize(BASE_BLOCK_SIZE, 0);
        let base = BaseBlock::parse(&block).ok()?;
        if base.file_type != FILE_TYPE || base.checksum != calculate_checksum(&block) {
            return None;
        }
        let mut entries = Vec::new();
        while let Some((entry, after)) = entry(rest) {
            entries.push(entry);
            rest = after;
        }
        Some(Self { header, sequence: base.primary_sequence, entries })
    }
}

fn entry(bytes: &[u8]) -> Option<(Entry<'_>, &[u8])> {
    let number = |bytes: &[u8], at: usize| -> Option<u32> {
        Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
    };
    if !bytes.starts_with(b"HvLE") {
        return None;
    }
    let (own, after) = bytes.split_at_checked(usize::try_from(number(bytes, 4)?).ok()?)?;
    let hash = |at: usize| Some(u64::from_le_bytes(*own.get(at..)?.first_chunk()?));
    let whole = hash(24)? == marvin32_hash(own.get(ENTRY..)?, SEED)
        && hash(HASHED)? == marvin32_hash(own.get(..HASHED)?, SEED);
    if !whole {
        return None;
    }
    // References to all pages, each a place and a length; then the pages.
    let count = usize::try_from(number(own, 20)?).ok()?;
    let (references, mut rest) = own.get(ENTRY..)?.split_at_checked(count.checked_mul(8)?)?;
    let mut pages = Vec::new();
    for reference in references.as_chunks::<8>().0 {
        let length = usize::try_from(number(reference, 4)?).ok()?;
        let (page, behind) = rest.split_at_checked(length)?;
        pages.push((number(reference, 0)?, page));
        rest = behind;
    }
    Some((Entry { sequence: number(own, 12)?, length: number(own, 16)?, pages }, after))
}

#[cfg(test)]
pub(super) mod tests {
    use super::{ENTRY, HASHED, HEADER, SEED, entry, marvin32_hash};

    /// An entry that writes `data` at the begin of the hive.
    pub(in super::super) fn written(sequence: u32, data: &[u8]) -> Vec<u8> {
        let length = u32::try_from(data.len()).unwrap_or(0);
        let size = (length + 48).next_multiple_of(512);
        let mut bytes = b"HvLE".to_vec();
        for number in [size, 0, sequence, length, 1, 0, 0, 0, 0, 0, length] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend_from_slice(data);
        bytes.resize(usize::try_from(size).unwrap_or(0), 0);
        let hash = marvin32_hash(&bytes[ENTRY..], SEED);
        bytes[24..HASHED].copy_from_slice(&hash.to_le_bytes());
        let hash = marvin32_hash(&bytes[..HASHED], SEED);
        bytes[HASHED..ENTRY].copy_from_slice(&hash.to_le_bytes());
        bytes
    }

    #[test]
    fn the_hash_is_the_one_that_windows_writes() {
        // The vector of the .NET runtime's own tests for Marvin, seed and text.
        assert_eq!(marvin32_hash(&[], 0x004F_B61A_001B_DBCC), 0x30ED_35C1_00CD_3C7D);
        assert_eq!(
            marvin32_hash(&[0x15, 0x3F, 0xB7, 0x98, 0x26], 0x004F_B61A_001B_DBCC),
            0xE6C0_8C6D_A2AF_A997
        );
    }

    #[test]
    fn an_entry_is_whole_or_none() {
        let whole = written(7, &[1; 4096]);
        let read = entry(&whole);
        assert_eq!(read.map(|(entry, _)| (entry.sequence, entry.pages.len())), Some((7, 1)));
        assert!(entry(&whole[..whole.len() - 1]).is_none());
        for at in [4, 12, 16, 20, 24, 33, 44, 100] {
            let mut spoiled = whole.clone();
            spoiled[at] ^= 1;
            assert!(entry(&spoiled).is_none(), "{at}");
        }
        assert!(super::Log::read(&whole[..HEADER]).is_none());
    }
}
