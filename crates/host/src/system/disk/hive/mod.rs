//! A file of the registry, as far as it can be read.
//!
//! The structures are the `regf` crate's. Its own walk refuses a hive as a whole for one damaged
//! cell, so the walk is here: what cannot be read costs itself, and whoever asks for it is told.

mod data;
mod log;
mod recover;
#[cfg(test)]
mod tests;

use rdpdoctor_model::{Lookup, RegistryData, Timestamp};
use regf::{BASE_BLOCK_SIZE, BaseBlock, BigData, DataSegmentsList, KeyNode, KeyValue, SubkeysList};

use crate::system::{MOST_NAMES, MOST_VALUES};

pub(in crate::system) use data::read as value_data;

/// Longest file of the registry that is read: from 300 MB on Windows itself is slow to sign in
/// (row H005 of the table).
pub(super) const LONGEST: u64 = 512 << 20;

/// Keys of one key that are looked through.
const MOST_SUBKEYS: usize = 1 << 20;

/// Longest data of one value.
const LONGEST_DATA: usize = 1 << 20;

/// Longest data of all values of one key together.
const LONGEST_VALUES: usize = 64 << 20;

/// Data of a value that is longer lies in segments of this length, from version 1.4 on.
const SEGMENT: usize = 16_344;

/// "No cell".
const NONE: u32 = u32::MAX;

/// A file of the registry.
pub(super) struct Hive {
    bytes: Vec<u8>,
    root: u32,
    minor: u32,
    /// When it was last written.
    pub(super) last_written: Option<Timestamp>,
    /// How many entries of its transaction logs were applied.
    pub(super) recovered: u32,
    /// What is wrong with it.
    pub(super) problems: Vec<String>,
}

/// A key, found.
#[derive(Debug, Clone)]
pub(super) struct Key(KeyNode);

/// What cannot be read, in words that complete "could not look: ...".
type Damage = String;

/// What was read of a list, and what was lost of it.
pub(super) struct Read<T> {
    /// What was read.
    pub(super) all: Vec<T>,
    /// Why the rest was not.
    pub(super) lost: Option<Damage>,
}

impl Hive {
    /// Reads a hive, with what its transaction logs know better.
    pub(super) fn read(mut bytes: Vec<u8>, logs: &[Vec<u8>]) -> Result<Self, Damage> {
        let mut problems = Vec::new();
        let recovered = recover::recover(&mut bytes, logs, &mut problems);
        let head = bytes.get(..BASE_BLOCK_SIZE).ok_or("it ends within its header")?;
        let base = BaseBlock::parse(head).map_err(|_| "it does not begin as a hive does")?;
        let claimed = BASE_BLOCK_SIZE as u64 + u64::from(base.hive_bins_data_size);
        let missing = claimed.saturating_sub(bytes.len() as u64);
        if missing > 0 {
            problems.push(format!("its last {missing} bytes are missing"));
        }
        let hive = Self {
            bytes,
            root: base.root_cell_offset,
            minor: base.minor_version,
            last_written: Timestamp::from_filetime(base.last_written),
            recovered,
            problems,
        };
        hive.node(hive.root).map_err(|_| "its root key is damaged")?;
        Ok(hive)
    }

    /// A key by its path below the root.
    pub(super) fn key(&self, path: &str) -> Lookup<Key> {
        let mut key = match self.node(self.root) {
            Ok(node) => Key(node),
            Err(why) => return Lookup::unavailable(why),
        };
        for part in path.split('\\').filter(|part| !part.is_empty()) {
            key = match self.child(&key, part) {
                Lookup::Seen { value } => value,
                other => return other,
            };
        }
        Lookup::seen(key)
    }

    /// The names of the keys in a key, the first ones.
    pub(super) fn subkeys(&self, key: &Key) -> Read<String> {
        let mut read = Read { all: Vec::new(), lost: None };
        let offsets = self.subkey_offsets(&key.0);
        for offset in offsets.all.into_iter().take(MOST_NAMES) {
            match self.node(offset) {
                Ok(node) => read.all.push(node.name()),
                Err(why) => read.lost = Some(why),
            }
        }
        read.lost = read.lost.or(offsets.lost);
        read
    }

    /// A value of a key by its name.
    pub(super) fn value(&self, key: &Key, name: &str) -> Lookup<RegistryData> {
        let offsets = self.value_offsets(&key.0);
        let mut lost = offsets.lost;
        for offset in offsets.all {
            match self.value_at(offset) {
                Ok(value) if same(&value.name(), name) => {
                    return self.data(&value).map_or_else(Lookup::unavailable, Lookup::seen);
                }
                Ok(_) => {}
                Err(why) => lost = Some(why),
            }
        }
        lost.map_or(Lookup::Absent, Lookup::unavailable)
    }

    /// All values of a key, the first ones.
    pub(super) fn values(&self, key: &Key) -> Read<(String, RegistryData)> {
        let mut read = Read { all: Vec::new(), lost: None };
        let offsets = self.value_offsets(&key.0);
        let mut room = LONGEST_VALUES;
        for offset in offsets.all.into_iter().take(MOST_VALUES) {
            let Some(left) = room.checked_sub(LONGEST_DATA) else { break };
            let value = self.value_at(offset);
            match value.and_then(|value| Ok((value.name(), self.data(&value)?, value))) {
                Ok((name, data, value)) => {
                    let length = usize::try_from(value.actual_data_size()).unwrap_or(LONGEST_DATA);
                    room = (left + LONGEST_DATA).saturating_sub(length);
                    read.all.push((name, data));
                }
                Err(why) => read.lost = Some(why),
            }
        }
        read.lost = read.lost.or(offsets.lost);
        read
    }

    /// A key in a key; not seen to be absent while a key beside it cannot be read.
    fn child(&self, key: &Key, name: &str) -> Lookup<Key> {
        let offsets = self.subkey_offsets(&key.0);
        let mut lost = offsets.lost;
        for offset in offsets.all {
            match self.node(offset) {
                Ok(node) if same(&node.name(), name) => return Lookup::seen(Key(node)),
                Ok(_) => {}
                Err(why) => lost = Some(why),
            }
        }
        lost.map_or(Lookup::Absent, Lookup::unavailable)
    }

    fn subkey_offsets(&self, node: &KeyNode) -> Read<u32> {
        let mut read = Read { all: Vec::new(), lost: None };
        if node.num_subkeys == 0 || node.subkeys_list_offset == NONE {
            return read;
        }
        let lists = match self.list(node.subkeys_list_offset) {
            Ok(SubkeysList::IndexRoot(root)) => {
                root.elements.iter().map(|element| element.subkeys_list_offset).collect()
            }
            Ok(list) => {
                read.all = list.get_offsets();
                return read;
            }
            Err(why) => {
                read.lost = Some(why);
                return read;
            }
        };
        self.below_root(lists, &mut read);
        read
    }

    /// The lists that an index root names. An index root in there would be one too many.
    fn below_root(&self, lists: Vec<u32>, read: &mut Read<u32>) {
        for list in lists {
            match self.list(list) {
                Ok(SubkeysList::IndexRoot(_)) => {
                    read.lost = Some(damaged("a list of keys", list));
                }
                Ok(list) => read.all.extend(list.get_offsets()),
                Err(why) => read.lost = Some(why),
            }
            if read.all.len() > MOST_SUBKEYS {
                read.all.truncate(MOST_SUBKEYS);
                read.lost = Some(format!("only {MOST_SUBKEYS} keys of one key are read"));
                return;
            }
        }
    }

    fn value_offsets(&self, node: &KeyNode) -> Read<u32> {
        let mut read = Read { all: Vec::new(), lost: None };
        if node.num_values == 0 || node.values_list_offset == NONE {
            return read;
        }
        let wanted = usize::try_from(node.num_values).unwrap_or(usize::MAX);
        match self.cell(node.values_list_offset) {
            Ok(list) => {
                let (offsets, _) = list.as_chunks::<4>();
                let offsets = offsets.iter().take(wanted);
                read.all = offsets.map(|bytes| u32::from_le_bytes(*bytes)).collect();
                if read.all.len() < wanted {
                    read.lost = Some(damaged("a list of values", node.values_list_offset));
                }
            }
            Err(why) => read.lost = Some(why),
        }
        read
    }

    fn data(&self, value: &KeyValue) -> Result<RegistryData, Damage> {
        let length = usize::try_from(value.actual_data_size()).unwrap_or(usize::MAX);
        if length > LONGEST_DATA {
            return Err(format!("it holds {length} bytes"));
        }
        let bytes = match value.get_resident_data() {
            Some(bytes) => bytes,
            None if length == 0 => Vec::new(),
            None => self.bytes_of(value.data_offset, length)?,
        };
        Ok(value_data(value.data_type, &bytes))
    }

    fn bytes_of(&self, offset: u32, length: usize) -> Result<Vec<u8>, Damage> {
        let cell = self.cell(offset)?;
        if length <= SEGMENT || self.minor <= 3 {
            let bytes = cell.get(..length).ok_or_else(|| damaged("a value's data", offset))?;
            return Ok(bytes.to_vec());
        }
        let short = || damaged("a value's data", offset);
        let big = BigData::parse(cell).map_err(|_| short())?;
        let list = self.cell(big.segments_list_offset)?;
        let list = DataSegmentsList::parse(list, big.num_segments).map_err(|_| short())?;
        let mut bytes = Vec::with_capacity(length);
        for segment in list.offsets {
            let wanted = (length - bytes.len()).min(SEGMENT);
            let part = self.cell(segment)?.get(..wanted).ok_or_else(short)?;
            bytes.extend_from_slice(part);
            if bytes.len() == length {
                return Ok(bytes);
            }
        }
        Err(short())
    }

    fn node(&self, offset: u32) -> Result<KeyNode, Damage> {
        KeyNode::parse(self.cell(offset)?).map_err(|_| damaged("a key", offset))
    }

    fn value_at(&self, offset: u32) -> Result<KeyValue, Damage> {
        KeyValue::parse(self.cell(offset)?).map_err(|_| damaged("a value", offset))
    }

    fn list(&self, offset: u32) -> Result<SubkeysList, Damage> {
        SubkeysList::parse(self.cell(offset)?).map_err(|_| damaged("a list of keys", offset))
    }

    /// What is in a cell that is in use: its length comes first, negative.
    fn cell(&self, offset: u32) -> Result<&[u8], Damage> {
        let cell = || -> Option<&[u8]> {
            let start = BASE_BLOCK_SIZE.checked_add(usize::try_from(offset).ok()?)?;
            let (head, rest) = self.bytes.get(start..)?.split_first_chunk::<4>()?;
            let length = i32::from_le_bytes(*head);
            if length >= 0 {
                return None;
            }
            rest.get(..usize::try_from(length.unsigned_abs()).ok()?.checked_sub(4)?)
        };
        cell().ok_or_else(|| damaged("a cell", offset))
    }
}

fn damaged(what: &str, offset: u32) -> Damage {
    format!("{what} of the registry's file is damaged, at {offset:#x}")
}

/// Names are the same in either case of letters.
fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
        || (!one.is_ascii() && one.to_lowercase() == other.to_lowercase())
}
