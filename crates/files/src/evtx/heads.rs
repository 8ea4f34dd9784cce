//! What records say of themselves, told without rendering them. Most records of a log are about
//! something else, and a few of a record's values tell that.
//!
//! A record is a template, which stands in its block once, and the values that differ from record to
//! record (MS-EVEN6 2.2.12.3). Where a template has the provider, the number, the channel and the
//! computer is learnt from those of its records that are rendered: among their values, in the template's
//! own text, or in both by chance. Another record's are told only where all of these places agree.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use evtx::EvtxChunkHeader;
use memchr::memmem;
use rdpdoctor_model::Timestamp;

use super::known;
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

/// Where a template has its identifier and its length, and where it begins.
const TEMPLATE_ID_AT: usize = 4;
const TEMPLATE_LENGTH_AT: usize = 20;
const TEMPLATE_HEAD: usize = 24;

/// A value's description: its length, its type, and a zero.
const DESCRIPTION: usize = 4;

/// Types of values (MS-EVEN6 2.2.12.1).
const STRING: u8 = 0x01;
const UINT16: u8 = 0x06;
const UINT32: u8 = 0x08;

/// Templates that are kept; a log of Windows has some hundreds.
const MOST_TEMPLATES: usize = 4096;

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

/// The templates of a log, as far as they were learnt.
#[derive(Default)]
pub(super) struct Heads(RwLock<HashMap<Key, Arc<Template>>>);

/// A template's identifier and its length.
pub(super) type Key = ([u8; 16], u32);

/// What a record says of itself that tells whom it concerns.
#[derive(Debug, Clone)]
pub(super) struct Head<'a> {
    pub(super) provider: Cow<'a, str>,
    pub(super) id: u32,
    pub(super) channel: Cow<'a, str>,
    pub(super) computer: Cow<'a, str>,
    /// What the field says that decides, where the number alone does not.
    decides: Option<Cow<'a, str>>,
}

/// Where a template's records have these.
#[derive(Clone)]
pub(super) struct Template {
    provider: Place,
    id: Place,
    channel: Place,
    computer: Place,
    decides: Option<Place>,
}

/// Where a text may come from.
#[derive(Clone)]
struct Place {
    /// The text of the record that it was learnt from.
    learnt: String,
    /// How the template itself has it, where it does.
    literal: Option<Vec<u8>>,
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
            (UINT32, &[a, b, c, d]) => Some(u32::from_le_bytes([a, b, c, d]).to_string()),
            _ => None,
        }
    }
}

impl Heads {
    /// Whether nothing is known of the template at this place of the block, which is named then.
    pub(super) fn unknown(&self, block: &[u8], at: u32) -> Option<Key> {
        let (key, _) = definition(block, at)?;
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        (!known.contains_key(&key)).then_some(key)
    }

    /// What was learnt of the template at this place of the block; none where the block's has not the
    /// same texts.
    pub(super) fn of(&self, block: &[u8], at: u32) -> Option<Arc<Template>> {
        let (key, text) = definition(block, at)?;
        let learnt = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()?;
        let is_same = learnt.places().all(|place| place.is_in(text));
        is_same.then_some(learnt)
    }

    /// Learns a template from a record of it that was rendered.
    pub(super) fn learn(&self, block: &[u8], of: &Instance, head: &Head<'_>) {
        let Some((key, text)) = definition(block, of.template) else { return };
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let more = match known.get(&key) {
            Some(before) => before.also(block, of, head),
            None if known.len() < MOST_TEMPLATES => Template::of(text, block, of, head),
            None => return,
        };
        known.insert(key, Arc::new(more));
    }
}

impl Head<'static> {
    /// What a rendered record says of itself.
    pub(super) fn of(record: Record<'_>) -> Self {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        let deciding = known::deciding(&record.provider, record.id);
        let decides = deciding.and_then(|field| record.field(&[field]));
        Self {
            decides: decides.map(|text| Cow::Owned(text.to_owned())),
            provider: owned(record.provider),
            id: record.id,
            channel: owned(record.channel),
            computer: owned(record.computer),
        }
    }
}

impl Head<'_> {
    /// Whether the record can concern Remote Desktop.
    pub(super) fn may_concern(&self) -> bool {
        known::may_concern(&self.provider, self.id)
            && self
                .decides
                .as_ref()
                .is_none_or(|decides| known::may_be_about_it(self.id, decides.trim()))
    }
}

impl Template {
    fn of(text: &[u8], block: &[u8], of: &Instance, head: &Head<'_>) -> Self {
        let place = |wanted: &str| Place::of(wanted, text, block, of);
        Self {
            provider: place(&head.provider),
            id: place(&head.id.to_string()),
            channel: place(&head.channel),
            computer: place(&head.computer),
            decides: head.decides.as_deref().map(place),
        }
    }

    /// What is left of it in the light of another record.
    fn also(&self, block: &[u8], of: &Instance, head: &Head<'_>) -> Self {
        Self {
            provider: self.provider.also(&head.provider, block, of),
            id: self.id.also(&head.id.to_string(), block, of),
            channel: self.channel.also(&head.channel, block, of),
            computer: self.computer.also(&head.computer, block, of),
            decides: match (&self.decides, &head.decides) {
                (Some(place), Some(decides)) => Some(place.also(decides, block, of)),
                (place, _) => place.clone(),
            },
        }
    }

    fn places(&self) -> impl Iterator<Item = &Place> {
        [&self.provider, &self.id, &self.channel, &self.computer].into_iter().chain(&self.decides)
    }

    /// What this record says of itself; none where only the whole record tells.
    pub(super) fn head(&self, block: &[u8], of: &Instance) -> Option<Head<'_>> {
        Some(Head {
            provider: self.provider.text(block, of)?,
            id: self.id.text(block, of)?.parse().ok()?,
            channel: self.channel.text(block, of)?,
            computer: self.computer.text(block, of)?,
            decides: match &self.decides {
                Some(place) => Some(place.text(block, of)?),
                None => None,
            },
        })
    }
}

impl Place {
    /// All places that this text may come from.
    fn of(learnt: &str, template: &[u8], block: &[u8], of: &Instance) -> Self {
        let same = |&index: &usize| of.text(block, index).is_some_and(|text| text == learnt);
        let value = |index| Some((index, of.value(block, index)?.1.to_vec()));
        let values = (0..of.count).filter(same).filter_map(value).collect();
        let literal = written(learnt).filter(|written| memmem::find(template, written).is_some());
        Self { learnt: learnt.to_owned(), literal, values }
    }

    /// Those of the places that another record's text may come from, too.
    fn also(&self, wanted: &str, block: &[u8], of: &Instance) -> Self {
        let mut left = self.clone();
        left.literal.take_if(|_| wanted != self.learnt);
        left.values.retain(|(index, _)| of.text(block, *index).is_some_and(|text| text == wanted));
        left
    }

    /// Whether the template has what it had where this was learnt.
    fn is_in(&self, template: &[u8]) -> bool {
        self.literal.as_ref().is_none_or(|written| memmem::find(template, written).is_some())
    }

    /// The text of this record; none where the places do not have the same any more.
    fn text(&self, block: &[u8], of: &Instance) -> Option<Cow<'_, str>> {
        let unchanged = |(index, learnt): &(usize, Vec<u8>)| {
            of.value(block, *index).is_some_and(|(_, value)| value == learnt)
        };
        match (self.values.as_slice(), &self.literal) {
            ([], None) => None,
            (values, _) if values.iter().all(unchanged) => Some(Cow::Borrowed(&self.learnt)),
            ([(index, _)], None) => of.text(block, *index).map(Cow::Owned),
            _ => None,
        }
    }
}

/// The template at this place of the block, and its key.
fn definition(block: &[u8], at: u32) -> Option<(Key, &[u8])> {
    let definition = block.get(at as usize..)?;
    let id = definition.get(TEMPLATE_ID_AT..)?.first_chunk()?;
    let length = u32_at(definition, TEMPLATE_LENGTH_AT)?;
    let text = definition.get(TEMPLATE_HEAD..)?.get(..length as usize)?;
    Some(((*id, length), text))
}

/// How a template has a text as an attribute or between tags: its type and the count of its characters
/// stand before it.
fn written(text: &str) -> Option<Vec<u8>> {
    let characters: Vec<u16> = text.encode_utf16().collect();
    let count = u16::try_from(characters.len()).ok()?;
    let head = [STRING].into_iter().chain(count.to_le_bytes());
    Some(head.chain(characters.iter().flat_map(|c| c.to_le_bytes())).collect())
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
