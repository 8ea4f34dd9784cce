//! What is in some blocks of a log.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ahash::{AHashMap, AHashSet};
use evtx::err::{ChunkError, EvtxError};
use evtx::{EvtxChunkHeader, EvtxParser, EvtxRecord, ParserSettings, checksum_ieee};
use rdpdoctor_model::Timestamp;

use super::heads::{self, Head, Heads, Instance, Template};
use super::record::Record;
use super::{BLOCK, Entry, HEADER, Jump, LEAST_JUMP_MS, json, known};

/// Where a block's header has its own checksum. Nobody asks for it: there stands the block's place
/// among those that are read together, by which the parser's records are known.
const PLACE_AT: usize = 124;

/// Why a block could not be read.
const DAMAGED: &str = "it is damaged";
const DAMAGED_HEADER: &str = "its header is damaged";
const DAMAGED_STRINGS: &str = "its strings are damaged";

/// What some blocks hold.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Content {
    pub(super) records: u64,
    /// Records that could not be read.
    pub(super) lost: u64,
    /// Blocks that could not be read, by their place, and why.
    pub(super) lost_blocks: Vec<(usize, &'static str)>,
    /// Names of computers, each time that another stands there.
    pub(super) computers: Vec<String>,
    pub(super) channels: BTreeSet<String>,
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
    pub(super) entries: Vec<Entry>,
    pub(super) jumps: Vec<Jump>,
}

impl Content {
    /// Counts a record, whatever it is about.
    fn count(&mut self, at: Option<Timestamp>, head: &Head<'_>) {
        self.records += 1;
        if let Some(at) = at {
            self.first = Some(self.first.map_or(at, |first| first.min(at)));
            self.last = Some(self.last.map_or(at, |last| last.max(at)));
        }
        if self.computers.last().is_none_or(|last| *last != head.computer) {
            self.computers.push(head.computer.to_string());
        }
        if !head.channel.is_empty() && !self.channels.contains(&*head.channel) {
            self.channels.insert(head.channel.to_string());
        }
    }

    /// Takes the records in their order: those that their templates told to be about something else,
    /// and those that were rendered.
    fn fill(
        &mut self,
        blocks: &[[u8; BLOCK]],
        told: Vec<(Place, Head<'_>)>,
        whole: Vec<(Place, Said)>,
    ) {
        let written_at = |(block, start): Place| heads::written_at(&blocks[block], start);
        let mut told = told.into_iter().peekable();
        for (place, said) in whole {
            while let Some((place, head)) = told.next_if(|(other, _)| *other < place) {
                self.count(written_at(place), &head);
            }
            self.count(written_at(place), &said.head);
            self.jumps.extend(said.jump);
            self.entries.extend(said.entry);
        }
        for (place, head) in told {
            self.count(written_at(place), &head);
        }
    }
}

/// What is in these blocks, which stand behind a [`header`]; the bytes are of no use afterwards.
///
/// The parser is safe code that minds every length; should it fail all the same, one block is lost and
/// not the log.
pub(super) fn guarded(bytes: &mut [u8], heads: &Heads) -> Vec<Content> {
    let mut emptied = Vec::new();
    if let Ok(content) = catch_unwind(AssertUnwindSafe(|| content(bytes, heads, &mut emptied))) {
        return vec![content];
    }
    fill_again(bytes, &mut emptied);
    let blocks = blocks(bytes).iter().enumerate();
    let alone = blocks.map(|(place, block)| {
        let mut bytes = [header(), block.to_vec()].concat();
        let read = || content(&mut bytes, heads, &mut Vec::new());
        let mut content = catch_unwind(AssertUnwindSafe(read))
            .unwrap_or_else(|_| Content { lost_blocks: vec![(0, DAMAGED)], ..Content::default() });
        content.lost_blocks.iter_mut().for_each(|lost| lost.0 = place);
        content
    });
    alone.collect()
}

/// The header that the parser wants before the blocks.
pub(super) fn header() -> Vec<u8> {
    let mut header = vec![0; HEADER];
    header[..8].copy_from_slice(b"ElfFile\0");
    header[32] = 128;
    [header[36], header[38]] = [1, 3];
    header[40..42].copy_from_slice(&u16::try_from(HEADER).unwrap_or_default().to_le_bytes());
    let sum = checksum_ieee(&header[..120]);
    header[124..128].copy_from_slice(&sum.to_le_bytes());
    header
}

fn blocks(bytes: &[u8]) -> &[[u8; BLOCK]] {
    bytes.get(HEADER..).unwrap_or_default().as_chunks().0
}

/// Where a record is: the place of its block, and where in this begins what it says.
type Place = (usize, usize);

/// What the records of these blocks say that may concern anything here. What their templates tell to
/// be about something else is emptied, and the parser renders the rest.
fn content(bytes: &mut [u8], heads: &Heads, emptied: &mut Vec<(usize, u8)>) -> Content {
    let instances = instances(blocks(bytes));
    let firsts = firsts(bytes, heads, &instances, emptied);
    let rendered_before: AHashSet<_> = firsts.iter().map(|(place, _)| *place).collect();

    let templates = templates(blocks(bytes), heads, &instances);
    let head = |blocks: &[[u8; BLOCK]], (block, instance): &(usize, Instance)| {
        let template = templates.get(&(*block, instance.template))?.as_ref()?;
        heads.head(template, &blocks[*block], instance)
    };
    let mut told = Vec::with_capacity(instances.len());
    let mut read = Vec::with_capacity(instances.len());
    for instance in &instances {
        if rendered_before.contains(&place(instance)) {
            read.push(place(instance));
        } else if let Some(head) = head(blocks(bytes), instance)
            && !head.may_concern()
        {
            read.push(place(instance));
            told.push((place(instance), head));
        }
    }
    empty(bytes, read.iter().copied(), emptied);
    let Rendered { all, mut whole, lost_blocks } = rendered(bytes);
    fill_again(bytes, emptied);
    let is_told = |instance: &_| head(blocks(bytes), instance).is_some();
    learn(blocks(bytes), heads, &instances, &whole, is_told);

    let is_there = |block: &usize| lost_blocks.iter().all(|(lost, _)| lost != block);
    let read = read.iter().filter(|(block, _)| is_there(block)).count() + whole.len();
    let lost = all.saturating_sub(read) as u64;
    told.retain(|((block, _), _)| is_there(block));
    whole.extend(firsts);
    whole.sort_unstable_by_key(|(place, _)| *place);
    let mut content = Content { lost, lost_blocks, ..Content::default() };
    content.fill(blocks(bytes), told, whole);
    content
}

/// One record of each template that is not known, which teaches it.
fn firsts(
    bytes: &mut [u8],
    heads: &Heads,
    instances: &[(usize, Instance)],
    emptied: &mut Vec<(usize, u8)>,
) -> Vec<(Place, Said)> {
    let firsts = of_unknown_templates(blocks(bytes), heads, instances);
    if firsts.is_empty() {
        return Vec::new();
    }
    let others = instances.iter().map(place).filter(|other| !firsts.contains(other));
    empty(bytes, others, emptied);
    let Rendered { mut whole, .. } = rendered(bytes);
    fill_again(bytes, emptied);
    whole.retain(|(place, _)| firsts.contains(place));
    learn(blocks(bytes), heads, instances, &whole, |_| false);
    whole
}

/// The records that are instances of one template, with the places of their blocks.
fn instances(blocks: &[[u8; BLOCK]]) -> Vec<(usize, Instance)> {
    let mut all = Vec::new();
    for (place, block) in blocks.iter().enumerate() {
        if let Ok(header) = EvtxChunkHeader::from_bytes(block) {
            let instances = heads::instances(block, &header).into_iter();
            all.extend(instances.map(|instance| (place, instance)));
        }
    }
    all
}

fn place((block, instance): &(usize, Instance)) -> Place {
    (*block, instance.start)
}

/// The first record of each template that nothing was learnt of.
fn of_unknown_templates(
    blocks: &[[u8; BLOCK]],
    heads: &Heads,
    instances: &[(usize, Instance)],
) -> AHashSet<Place> {
    let (mut looked_at, mut unknown) = (AHashSet::new(), AHashSet::new());
    let mut is_first = |(block, instance): &&(usize, Instance)| {
        looked_at.insert((*block, instance.template))
            && heads
                .unknown(&blocks[*block], instance.template)
                .is_some_and(|key| unknown.insert(key))
    };
    instances.iter().filter(|instance| is_first(instance)).map(place).collect()
}

/// What is known of the templates of these records.
fn templates(
    blocks: &[[u8; BLOCK]],
    heads: &Heads,
    instances: &[(usize, Instance)],
) -> AHashMap<(usize, u32), Option<Arc<Template>>> {
    let mut templates = AHashMap::new();
    for (block, instance) in instances {
        let known = || heads.of(&blocks[*block], instance.template);
        templates.entry((*block, instance.template)).or_insert_with(known);
    }
    templates
}

/// Ends records where they begin. The parser has no way to leave one out; but one that ends at once is
/// none to it, and soon read.
fn empty(bytes: &mut [u8], records: impl Iterator<Item = Place>, emptied: &mut Vec<(usize, u8)>) {
    for (block, start) in records {
        let at = HEADER + block * BLOCK + start;
        if let Some(token) = bytes.get_mut(at) {
            emptied.push((at, std::mem::replace(token, heads::END)));
        }
    }
}

fn fill_again(bytes: &mut [u8], emptied: &mut Vec<(usize, u8)>) {
    for (at, token) in emptied.drain(..) {
        bytes[at] = token;
    }
}

/// What the parser made of some blocks.
#[derive(Default)]
struct Rendered {
    /// How many records there are.
    all: usize,
    /// Those that could be read.
    whole: Vec<(Place, Said)>,
    lost_blocks: Vec<(usize, &'static str)>,
}

/// What a record says that matters here.
struct Said {
    head: Head<'static>,
    entry: Option<Entry>,
    jump: Option<Jump>,
}

/// Has the parser read the records.
fn rendered(bytes: &mut [u8]) -> Rendered {
    let mut made = Rendered::default();
    let (_, all) = bytes.split_at_mut(HEADER.min(bytes.len()));
    for (place, block) in (0_u32..).zip(all.as_chunks_mut::<BLOCK>().0) {
        if !is_unused(block) {
            block[PLACE_AT..PLACE_AT + 4].copy_from_slice(&place.to_le_bytes());
        }
    }
    let Ok(parser) = EvtxParser::from_read_seek(Cursor::new(&*bytes)) else { return made };
    let mut parser = parser.with_configuration(ParserSettings::default().indent(false));
    for read in parser.serialized_records(|read| read.map(record)) {
        match read {
            Ok(record) => {
                made.all += 1;
                made.whole.extend(record.map(|record| *record));
            }
            Err(EvtxError::FailedToParseChunk { chunk_id, source }) => {
                let why = match *source {
                    ChunkError::FailedToBuildStringCache { .. } => DAMAGED_STRINGS,
                    _ => DAMAGED_HEADER,
                };
                made.lost_blocks.push((usize::try_from(chunk_id).unwrap_or_default(), why));
            }
            Err(_) => made.all += 1,
        }
    }
    made
}

/// A record of the parser's, if it is one. Most are none, so that one is worth a place of its own.
fn record(read: EvtxRecord<'_>) -> Option<Box<(Place, Said)>> {
    let start = usize::try_from(read.binxml_offset).ok()?;
    if read.chunk.data.get(start) == Some(&heads::END) {
        return None;
    }
    let block = usize::try_from(read.chunk.header.header_chunk_checksum).ok()?;
    let json = read.into_json().ok()?;
    let concerns = |head: &Record<'_>| known::may_concern(&head.provider, head.id);
    let record = json::record(json.event_record_id, &json.data, concerns)?;
    let set = known::clock_set(&record).filter(|by| by.unsigned_abs() >= LEAST_JUMP_MS);
    let jump = record.at.zip(set).map(|(at, by_ms)| Jump { at, by_ms });
    let said = Said { entry: known::entry(&record), jump, head: Head::of(record) };
    Some(Box::new(((block, start), said)))
}

/// Learns the templates of these records, as far as what is known does not tell of them.
fn learn(
    blocks: &[[u8; BLOCK]],
    heads: &Heads,
    instances: &[(usize, Instance)],
    whole: &[(Place, Said)],
    is_told: impl Fn(&(usize, Instance)) -> bool,
) {
    for (place, said) in whole {
        let found = instances.binary_search_by_key(place, |(block, of)| (*block, of.start));
        let instance = found.ok().and_then(|at| instances.get(at));
        if let Some((block, of)) = instance.filter(|instance| !is_told(instance)) {
            heads.learn(&blocks[*block], of, &said.head);
        }
    }
}

/// Whether nothing was ever written here: a log is made longer in advance.
pub(super) fn is_unused(block: &[u8]) -> bool {
    block.iter().all(|&byte| byte == 0)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Real logs beside the project: what stands in their records is the same whether their heads are
    /// told, by what other logs and blocks taught, or all of it is rendered.
    #[test]
    fn heads_tell_what_the_records_say() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/evtx");
        let Ok(files) = fs::read_dir(folder) else {
            eprintln!("skipped: no real logs at hand");
            return;
        };
        let files = files.flatten().map(|file| file.path());
        let (mut compared, taught) = (0, Heads::default());
        let logs = files.filter(|path| path.extension().is_some_and(|end| end == "evtx"));
        for path in logs {
            let mut log = fs::read(&path).expect("a log");
            log[..HEADER].copy_from_slice(&header());
            let whole = HEADER + (log.len() - HEADER) / BLOCK * BLOCK;
            log.truncate(whole);
            let all = all_rendered(&mut log.clone());
            for turn in ["untaught", "taught"] {
                let told = content(&mut log.clone(), &taught, &mut Vec::new());
                assert!(told == all, "{turn}, {}: {}", path.display(), difference(&told, &all));
            }
            compared += blocks(&log).len();
        }
        assert!(compared > 0, "no block was compared");
    }

    /// The first two lines that differ.
    fn difference(one: &Content, other: &Content) -> String {
        let [one, other] = [one, other].map(|content| format!("{content:#?}"));
        let mut lines = one.lines().zip(other.lines()).filter(|(one, other)| one != other);
        lines.next().map_or_else(String::new, |(one, other)| format!("{one} and {other}"))
    }

    fn all_rendered(bytes: &mut [u8]) -> Content {
        let Rendered { all, mut whole, lost_blocks } = rendered(bytes);
        // The parser begins with the oldest block.
        whole.sort_unstable_by_key(|(place, _)| *place);
        let lost = (all - whole.len()) as u64;
        let mut content = Content { lost, lost_blocks, ..Content::default() };
        content.fill(blocks(bytes), Vec::new(), whole);
        content
    }
}
