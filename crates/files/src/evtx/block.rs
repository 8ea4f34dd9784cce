//! What is in one block of a log.

use std::collections::{BTreeSet, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use evtx::{EvtxChunkData, ParserSettings};
use rdpdoctor_model::Timestamp;

use super::heads::{self, Heads, Instance};
use super::record::Record;
use super::{Entry, Jump, LEAST_JUMP_MS, json, known};

/// A block and its number.
pub(super) type Block = (u64, Vec<u8>);

/// What a block holds.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Content {
    pub(super) records: u64,
    /// Records that could not be read.
    pub(super) lost: u64,
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
    fn count(&mut self, at: Option<Timestamp>, computer: &str, channel: &str) {
        self.records += 1;
        if let Some(at) = at {
            self.first = Some(self.first.map_or(at, |first| first.min(at)));
            self.last = Some(self.last.map_or(at, |last| last.max(at)));
        }
        if self.computers.last().is_none_or(|last| last != computer) {
            self.computers.push(computer.to_owned());
        }
        if !channel.is_empty() && !self.channels.contains(channel) {
            self.channels.insert(channel.to_owned());
        }
    }

    /// Takes what concerns Remote Desktop.
    fn take(&mut self, record: &Record) {
        let set = known::clock_set(record).filter(|by| by.unsigned_abs() >= LEAST_JUMP_MS);
        self.jumps.extend(record.at.zip(set).map(|(at, by_ms)| Jump { at, by_ms }));
        self.entries.extend(known::entry(record));
    }
}

/// What is in a block, or why that cannot be said. The parser is safe code that minds every length;
/// should it fail all the same, the block is lost and not the log.
pub(super) fn guarded(
    (number, block): Block,
    settings: &Arc<ParserSettings>,
) -> (u64, Result<Content, String>) {
    let read = match catch_unwind(AssertUnwindSafe(|| content(block, settings))) {
        Ok(read) => read.map_err(|problem| format!(": {problem}")),
        Err(_) => Err(String::new()),
    };
    (number, read)
}

/// What the records of a block say that may concern anything here. The parser renders one record of
/// each template first; then only those that these do not tell to be about something else.
fn content(block: Vec<u8>, settings: &Arc<ParserSettings>) -> Result<Content, &'static str> {
    let mut data = EvtxChunkData::new(block, false).map_err(|_| "its header is damaged")?;
    let instances = heads::instances(&data.data, &data.header);
    let mut met = HashSet::new();
    let (firsts, others): (Vec<_>, Vec<_>) =
        instances.into_iter().partition(|instance| met.insert(instance.template));

    let mut whole = Vec::new();
    let all = render(&mut data, settings, starts(&others), &mut whole)?;
    let heads = learnt(&data.data, &firsts, &whole);
    let about_else = |instance: &Instance| {
        let head = heads.head(&data.data, instance)?;
        (!known::may_concern(&head.provider, head.id)).then_some((instance.start, head))
    };
    let told: Vec<_> = others.iter().filter_map(about_else).collect();
    if told.len() < others.len() {
        let rendered = whole.iter().map(|(start, _)| *start);
        let told = told.iter().map(|(start, _)| *start);
        let mut without: Vec<_> = starts(&firsts).into_iter().chain(rendered).chain(told).collect();
        without.sort_unstable();
        without.dedup();
        render(&mut data, settings, without, &mut whole)?;
        whole.sort_unstable_by_key(|(start, _)| *start);
    }

    let lost = all.saturating_sub(told.len() + whole.len()) as u64;
    let mut content = Content { lost, ..Content::default() };
    let mut told = told.into_iter().peekable();
    for (start, record) in whole {
        while let Some((start, head)) = told.next_if(|(other, _)| *other < start) {
            content.count(heads::written_at(&data.data, start), &head.computer, &head.channel);
        }
        content.count(heads::written_at(&data.data, start), &record.computer, &record.channel);
        content.take(&record);
    }
    for (start, head) in told {
        content.count(heads::written_at(&data.data, start), &head.computer, &head.channel);
    }
    Ok(content)
}

fn starts(instances: &[Instance]) -> Vec<usize> {
    instances.iter().map(|instance| instance.start).collect()
}

/// What the first record of each template teaches.
fn learnt(block: &[u8], firsts: &[Instance], whole: &[(usize, Record)]) -> Heads {
    let mut heads = Heads::default();
    for (start, record) in whole {
        if let Ok(first) = firsts.binary_search_by_key(start, |first| first.start) {
            heads.learn(block, &firsts[first], record);
        }
    }
    heads
}

/// Reads the records but those that begin at one of these places, and says how many there are in all.
/// The parser has no way to leave one out; but one that ends at once is none to it, and soon read.
fn render(
    data: &mut EvtxChunkData,
    settings: &Arc<ParserSettings>,
    without: Vec<usize>,
    whole: &mut Vec<(usize, Record)>,
) -> Result<usize, &'static str> {
    let mut first_tokens = Vec::with_capacity(without.len());
    for start in without {
        if let Some(token) = data.data.get_mut(start) {
            first_tokens.push((start, std::mem::replace(token, heads::END)));
        }
    }
    let all = data.parse(Arc::clone(settings)).map(|mut chunk| {
        let mut all = 0;
        for record in chunk.iter() {
            all += 1;
            let Ok(record) = record else { continue };
            let start = usize::try_from(record.binxml_offset).unwrap_or_default();
            let json = record.into_json().ok();
            let concerns = |head: &Record| known::may_concern(&head.provider, head.id);
            let record =
                json.and_then(|json| json::record(json.event_record_id, &json.data, concerns));
            whole.extend(record.map(|record| (start, record)));
        }
        all
    });
    for (start, token) in first_tokens {
        data.data[start] = token;
    }
    all.map_err(|_| "its strings are damaged")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Real logs beside the project: what stands in their records is the same whether their heads are
    /// told or all of it is rendered.
    #[test]
    fn heads_tell_what_the_records_say() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/evtx");
        let settings = Arc::new(ParserSettings::default().indent(false));
        let Ok(files) = fs::read_dir(folder) else {
            eprintln!("skipped: no real logs at hand");
            return;
        };
        let files = files.flatten().map(|file| file.path());
        let mut compared = 0;
        let logs = files.filter(|path| path.extension().is_some_and(|end| end == "evtx"));
        for path in logs {
            let log = fs::read(&path).expect("a log");
            for (number, block) in log[4096..].as_chunks::<65_536>().0.iter().enumerate() {
                if block.starts_with(b"ElfChnk") {
                    let both = (content(block.to_vec(), &settings), rendered(block, &settings));
                    assert_eq!(both.0, both.1, "block {number} of {}", path.display());
                    compared += 1;
                }
            }
        }
        assert!(compared > 0, "no block was compared");
    }

    fn rendered(block: &[u8], settings: &Arc<ParserSettings>) -> Result<Content, &'static str> {
        let mut data =
            EvtxChunkData::new(block.to_vec(), false).map_err(|_| "its header is damaged")?;
        let mut whole = Vec::new();
        let all = render(&mut data, settings, Vec::new(), &mut whole)?;
        let mut content = Content { lost: (all - whole.len()) as u64, ..Content::default() };
        for (start, record) in whole {
            content.count(heads::written_at(block, start), &record.computer, &record.channel);
            content.take(&record);
        }
        Ok(content)
    }
}
