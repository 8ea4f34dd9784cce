//! What records say of themselves, told without rendering them. Most records of a log are about
//! something else, and a few of a record's values tell that.
//!
//! A record is a template, which stands in its block once, and the values that differ from record to
//! record (MS-EVEN6 2.2.12.3). Where a template has the provider, the number, the channel and the
//! computer is learnt from the first of its records, which is rendered: among its values, in the
//! template's own text, or in both by chance. A later record's are told only where all of these places
//! agree.

use std::borrow::Cow;
use std::collections::HashMap;

use evtx::EvtxChunkHeader;
use memchr::memmem;
use rdpdoctor_model::Timestamp;

use super::record::Record;

/// Where a block's records begin.
const RECORDS: usize = 512;

/// A record: these bytes, its length, its number, when it was written; what it says; the length again.
const MAGIC: [u8; 4] = *b"**\0\0";
const LENGTH_AT: usize = 4;
const NUMBER_AT: usize = 8;
const WRITTEN_AT: usize = 16;
const RECORD_HEAD: usize = 24;
const RECORD_TAIL: usize = 4;

/// Tokens of what it says (MS-EVEN6 2.2.12): the head of a fragment, an instance of a template, the end.
const FRAGMENT: u8 = 0x0F;
const INSTANCE: u8 = 0x0C;
pub(super) const END: u8 = 0;

/// Where an instance has its token and the place of its template, and where that or the values follow.
const INSTANCE_AT: usize = 4;
const TEMPLATE_PLACE_AT: usize = 10;
const INSTANCE_HEAD: usize = 14;

/// Where a template has its length, and where it begins.
const TEMPLATE_LENGTH_AT: usize = 20;
const TEMPLATE_HEAD: usize = 24;

/// A value's description: its length, its type, and a zero.
const DESCRIPTION: usize = 4;

/// Types of values (MS-EVEN6 2.2.12.1).
const STRING: u8 = 0x01;
const UINT16: u8 = 0x06;

/// Templates of a block that are kept; Windows writes some dozens.
const MOST_TEMPLATES: usize = 256;

/// A record that is an instance of one template and nothing more.
#[derive(Debug)]
pub(super) struct Instance {
    /// Where in the block begins what it says.
    pub(super) start: usize,
    /// Where its template is.
    pub(super) template: u32,
    /// Where its values are described, how many there are, and where they begin.
    described: usize,
    count: usize,
    values: usize,
}

/// The templates of one block, as far as they were learnt.
#[derive(Default)]
pub(super) struct Heads(HashMap<u32, Template>);

/// What a record says of itself that tells whom it concerns.
pub(super) struct Head<'a> {
    pub(super) provider: Cow<'a, str>,
    pub(super) id: u32,
    pub(super) channel: Cow<'a, str>,
    pub(super) computer: Cow<'a, str>,
}

/// Where a template's records have these.
struct Template {
    provider: Place,
    id: Place,
    channel: Place,
    computer: Place,
}

/// Where a text may come from.
struct Place {
    /// The text of the record that it was learnt from.
    learnt: String,
    /// Whether the template itself has it.
    is_literal: bool,
    /// Which of the values have it, as the block has those.
    values: Vec<(usize, Vec<u8>)>,
}

/// The records of a block that are instances of one template, up to the first place where no record
/// stands. The parser goes the same way, and beyond.
pub(super) fn instances(block: &[u8], header: &EvtxChunkHeader) -> Vec<Instance> {
    let mut instances = Vec::new();
    let mut at = RECORDS;
    while at < header.free_space_offset as usize {
        let Some(record) = block.get(at..).filter(|record| record.starts_with(&MAGIC)) else {
            break;
        };
        let length = u32_at(record, LENGTH_AT).map_or(0, |length| length as usize);
        let Some(said) =
            length.checked_sub(RECORD_TAIL).and_then(|end| record.get(RECORD_HEAD..end))
        else {
            break;
        };
        instances.extend(Instance::of(said, at + RECORD_HEAD));
        if u64_at(record, NUMBER_AT) == Some(header.last_event_record_id) {
            break;
        }
        at += length;
    }
    instances
}

/// When the service wrote the record that says this from here on. The event's own time may be some
/// milliseconds earlier.
pub(super) fn written_at(block: &[u8], start: usize) -> Option<Timestamp> {
    let record = start.checked_sub(RECORD_HEAD)?;
    Timestamp::from_filetime(u64_at(block.get(record..)?, WRITTEN_AT)?)
}

impl Instance {
    fn of(said: &[u8], start: usize) -> Option<Self> {
        if *said.first()? != FRAGMENT || *said.get(INSTANCE_AT)? != INSTANCE {
            return None;
        }
        let template = u32_at(said, TEMPLATE_PLACE_AT)?;
        let mut at = INSTANCE_HEAD;
        if template as usize == start + at {
            // The first one of a template has it within itself.
            at += TEMPLATE_HEAD + u32_at(said.get(at..)?, TEMPLATE_LENGTH_AT)? as usize;
        }
        let count = u32_at(said.get(at..)?, 0)? as usize;
        let described = at + 4;
        let values = described.checked_add(count.checked_mul(DESCRIPTION)?)?;
        let mut end = values;
        for &[low, high, kind, _] in said.get(described..values)?.as_chunks::<DESCRIPTION>().0 {
            if !is_known(kind) {
                return None;
            }
            end += length([low, high]);
        }
        let ends_there = end == said.len() || *said.get(end)? == END;
        let (described, values) = (start + described, start + values);
        ends_there.then_some(Self { start, template, described, count, values })
    }

    /// The type of a value, and the value.
    fn value<'b>(&self, block: &'b [u8], index: usize) -> Option<(u8, &'b [u8])> {
        let described = block.get(self.described..)?.as_chunks::<DESCRIPTION>().0;
        let described = described.get(..self.count)?;
        let before = described.get(..index)?.iter().map(|&[low, high, ..]| length([low, high]));
        let &[low, high, kind, _] = described.get(index)?;
        let start = self.values + before.sum::<usize>();
        Some((kind, block.get(start..start + length([low, high]))?))
    }

    /// A value, where it is a text or a number as heads have them.
    fn text(&self, block: &[u8], index: usize) -> Option<String> {
        match self.value(block, index)? {
            (STRING, text) => {
                let units = text.as_chunks::<2>().0.iter().map(|&unit| u16::from_le_bytes(unit));
                char::decode_utf16(units).collect::<Result<String, _>>().ok()
            }
            (UINT16, &[low, high]) => Some(u16::from_le_bytes([low, high]).to_string()),
            _ => None,
        }
    }
}

impl Heads {
    /// What this record says of itself; none where only the whole record tells.
    pub(super) fn head(&self, block: &[u8], of: &Instance) -> Option<Head<'_>> {
        let template = self.0.get(&of.template)?;
        Some(Head {
            provider: template.provider.text(block, of)?,
            id: template.id.text(block, of)?.parse().ok()?,
            channel: template.channel.text(block, of)?,
            computer: template.computer.text(block, of)?,
        })
    }

    /// Learns a template from a record of it that was rendered.
    pub(super) fn learn(&mut self, block: &[u8], of: &Instance, record: &Record) {
        if self.0.len() >= MOST_TEMPLATES {
            return;
        }
        let Some(text) = template_text(block, of.template) else { return };
        let place = |wanted: &str| Place::of(wanted, text, block, of);
        let learnt = (|| {
            Some(Template {
                provider: place(&record.provider)?,
                id: place(&record.id.to_string())?,
                channel: place(&record.channel)?,
                computer: place(&record.computer)?,
            })
        })();
        self.0.extend(learnt.map(|learnt| (of.template, learnt)));
    }
}

impl Place {
    /// All places that this text may come from; none when it is in no place.
    fn of(learnt: &str, template: &[u8], block: &[u8], of: &Instance) -> Option<Self> {
        let same = |&index: &usize| of.text(block, index).is_some_and(|text| text == learnt);
        let value = |index| Some((index, of.value(block, index)?.1.to_vec()));
        let values: Vec<_> = (0..of.count).filter(same).filter_map(value).collect();
        let is_literal = is_written(learnt, template);
        let learnt = learnt.to_owned();
        (is_literal || !values.is_empty()).then_some(Self { learnt, is_literal, values })
    }

    /// The text of this record; none where the places do not have the same any more.
    fn text(&self, block: &[u8], of: &Instance) -> Option<Cow<'_, str>> {
        let unchanged = |(index, learnt): &(usize, Vec<u8>)| {
            of.value(block, *index).is_some_and(|(_, value)| value == learnt)
        };
        match self.values.as_slice() {
            values if values.iter().all(unchanged) => Some(Cow::Borrowed(&self.learnt)),
            [(index, _)] if !self.is_literal => of.text(block, *index).map(Cow::Owned),
            _ => None,
        }
    }
}

/// The template at this place of the block.
fn template_text(block: &[u8], at: u32) -> Option<&[u8]> {
    let definition = block.get(at as usize..)?;
    let length = u32_at(definition, TEMPLATE_LENGTH_AT)? as usize;
    definition.get(TEMPLATE_HEAD..)?.get(..length)
}

/// Whether the template has this text as an attribute or between tags: there its type and the count of
/// its characters stand before it.
fn is_written(text: &str, template: &[u8]) -> bool {
    let characters: Vec<u16> = text.encode_utf16().collect();
    let Ok(count) = u16::try_from(characters.len()) else { return false };
    let head = [STRING].into_iter().chain(count.to_le_bytes());
    let written: Vec<u8> = head.chain(characters.iter().flat_map(|c| c.to_le_bytes())).collect();
    memmem::find(template, &written).is_some()
}

/// Whether there is such a type of values; the upper bit is set for arrays.
fn is_known(kind: u8) -> bool {
    matches!(kind & 0x7F, 0..=0x15 | 0x20 | 0x21 | 0x23)
}

fn length(bytes: [u8; 2]) -> usize {
    usize::from(u16::from_le_bytes(bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
