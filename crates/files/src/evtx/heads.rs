//! What records say of themselves, told without rendering them. Most records of a log are about
//! something else, and a few of a record's values tell that.
//!
//! A record is a template, which stands in its block once, and the values that differ from record to
//! record (MS-EVEN6 2.2.12.3). Where a template has the provider, the number, the channel and the
//! computer is learnt from those of its records that are rendered: among their values, in the template's
//! own text, or in both by chance. Another record's are told only where all of these places agree.
//!
//! What happened is often one of these values, and that a record of a template of its own: there the field
//! stands that decides where the number alone does not.

use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock};

use ahash::AHashMap;
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

/// Length of the head of a fragment, which begins a record and, mostly, what stands in a value.
const FRAGMENT_HEAD: usize = 4;

/// Where an instance has the place of its template, and where that or the values follow.
const TEMPLATE_PLACE_AT: usize = 6;
const INSTANCE_HEAD: usize = 10;

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
const BINARY_XML: u8 = 0x21;

/// Templates that are kept; a log of Windows has some hundreds.
const MOST_TEMPLATES: usize = 4096;

/// A record that is an instance of one template and nothing more.
#[derive(Debug)]
pub(super) struct Instance {
    /// Where in the block it begins.
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
pub(super) struct Heads {
    templates: RwLock<AHashMap<Key, Arc<Template>>>,
    /// Where templates within others have the field that decides, by the number of the event.
    inner: RwLock<AHashMap<(Key, u32), Arc<Place>>>,
}

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
    /// The one that a record or a value is, which begins at this place of the block.
    fn of(said: &[u8], start: usize) -> Option<Self> {
        let head = if *said.first()? == FRAGMENT { FRAGMENT_HEAD } else { 0 };
        let instance = Self::without_head(said.get(head..)?, start + head)?;
        Some(Self { start, ..instance })
    }

    fn without_head(said: &[u8], start: usize) -> Option<Self> {
        if *said.first()? != INSTANCE {
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
        let &[low, high, kind, _] = self.descriptions(block)?.get(index)?;
        let start = self.start_of(block, index)?;
        Some((kind, block.get(start..start + length([low, high]))?))
    }

    fn descriptions<'b>(&self, block: &'b [u8]) -> Option<&'b [[u8; DESCRIPTION]]> {
        block.get(self.described..)?.as_chunks().0.get(..self.count)
    }

    /// Where in the block a value begins.
    fn start_of(&self, block: &[u8], index: usize) -> Option<usize> {
        let before = self.descriptions(block)?.get(..index)?.iter();
        let before = before.map(|&[low, high, ..]| length([low, high]));
        Some(self.values + before.sum::<usize>())
    }

    /// The one value that is an instance of a template again.
    fn inner(&self, block: &[u8]) -> Option<Self> {
        let mut all = self.descriptions(block)?.iter();
        let index = all.position(|&[_, _, kind, _]| kind == BINARY_XML)?;
        Self::of(self.value(block, index)?.1, self.start_of(block, index)?)
    }

    /// A value, where it is a text or a number as heads have them.
    fn text(&self, block: &[u8], index: usize) -> Option<String> {
        let (STRING, text) = self.value(block, index)? else {
            return self.number(block, index).map(|number| number.to_string());
        };
        let units = text.as_chunks::<2>().0;
        // Names of computers and providers mostly are.
        if units.iter().all(|&[low, high]| high == 0 && low.is_ascii()) {
            return String::from_utf8(units.iter().map(|&[low, _]| low).collect()).ok();
        }
        let units = units.iter().map(|&unit| u16::from_le_bytes(unit));
        char::decode_utf16(units).collect::<Result<String, _>>().ok()
    }

    /// A value, where it is a number as heads have them.
    fn number(&self, block: &[u8], index: usize) -> Option<u32> {
        match self.value(block, index)? {
            (UINT16, &[low, high]) => Some(u16::from_le_bytes([low, high]).into()),
            (UINT32, &[a, b, c, d]) => Some(u32::from_le_bytes([a, b, c, d])),
            _ => None,
        }
    }
}

impl Heads {
    /// Whether nothing is known of the template at this place of the block, which is named then.
    pub(super) fn unknown(&self, block: &[u8], at: u32) -> Option<Key> {
        let (key, _) = definition(block, at)?;
        let known = self.templates.read().unwrap_or_else(PoisonError::into_inner);
        (!known.contains_key(&key)).then_some(key)
    }

    /// What was learnt of the template at this place of the block; none where the block's has not the
    /// same texts.
    pub(super) fn of(&self, block: &[u8], at: u32) -> Option<Arc<Template>> {
        let (key, text) = definition(block, at)?;
        let known = self.templates.read().unwrap_or_else(PoisonError::into_inner);
        let learnt = known.get(&key).cloned()?;
        let is_same = learnt.places().all(|place| place.is_in(text));
        is_same.then_some(learnt)
    }

    /// What this record says of itself; none where only the whole record tells.
    pub(super) fn head<'t>(
        &self,
        template: &'t Template,
        block: &[u8],
        of: &Instance,
    ) -> Option<Head<'t>> {
        let provider = template.provider.text(block, of)?;
        let id = template.id.number(block, of)?;
        let decides = match (known::deciding(&provider, id), &template.decides) {
            (None, _) => None,
            (Some(_), Some(place)) => Some(place.text(block, of)?),
            (Some(_), None) => Some(Cow::Owned(self.inside(block, of, id)?)),
        };
        let channel = template.channel.text(block, of)?;
        let computer = template.computer.text(block, of)?;
        Some(Head { provider, id, channel, computer, decides })
    }

    /// What the field that decides says, where it stands in a template within this one's values.
    fn inside(&self, block: &[u8], of: &Instance, id: u32) -> Option<String> {
        let inner = of.inner(block)?;
        let (key, text) = definition(block, inner.template)?;
        let known = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        let place = known.get(&(key, id)).cloned()?;
        drop(known);
        place.is_in(text).then(|| place.text(block, &inner).map(Cow::into_owned))?
    }

    /// Learns a template from a record of it that was rendered.
    pub(super) fn learn(&self, block: &[u8], of: &Instance, head: &Head<'_>) {
        let Some((key, text)) = definition(block, of.template) else { return };
        let inner = of.inner(block);
        let mut known = self.templates.write().unwrap_or_else(PoisonError::into_inner);
        let mut more = match known.get(&key) {
            Some(before) => before.also(block, of, head),
            None if known.len() < MOST_TEMPLATES => Template::of(text, block, of, head),
            None => return,
        };
        if let Some(decides) = head.decides.as_deref() {
            match &inner {
                Some(inner) => self.learn_inside(block, inner, head.id, decides),
                None => more.decides_by(decides, text, block, of),
            }
        }
        known.insert(key, Arc::new(more));
    }

    fn learn_inside(&self, block: &[u8], inner: &Instance, id: u32, decides: &str) {
        let Some((key, text)) = definition(block, inner.template) else { return };
        let mut known = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let place = match known.get(&(key, id)) {
            Some(before) => before.also(decides, block, inner),
            None if known.len() < MOST_TEMPLATES => Place::of(decides, text, block, inner),
            None => return,
        };
        known.insert((key, id), Arc::new(place));
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
            decides: None,
        }
    }

    /// What is left of it in the light of another record.
    fn also(&self, block: &[u8], of: &Instance, head: &Head<'_>) -> Self {
        Self {
            provider: self.provider.also(&head.provider, block, of),
            id: self.id.also(&head.id.to_string(), block, of),
            channel: self.channel.also(&head.channel, block, of),
            computer: self.computer.also(&head.computer, block, of),
            decides: self.decides.clone(),
        }
    }

    /// Where the field that decides stands, in the light of this record.
    fn decides_by(&mut self, decides: &str, text: &[u8], block: &[u8], of: &Instance) {
        self.decides = Some(match &self.decides {
            Some(before) => before.also(decides, block, of),
            None => Place::of(decides, text, block, of),
        });
    }

    fn places(&self) -> impl Iterator<Item = &Place> {
        [&self.provider, &self.id, &self.channel, &self.computer].into_iter().chain(&self.decides)
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
        match self.told(block, of)? {
            Told::AsLearnt => Some(Cow::Borrowed(&self.learnt)),
            Told::InValue(index) => of.text(block, index).map(Cow::Owned),
        }
    }

    /// The same where it is a number.
    fn number(&self, block: &[u8], of: &Instance) -> Option<u32> {
        match self.told(block, of)? {
            Told::AsLearnt => self.learnt.parse().ok(),
            Told::InValue(index) => {
                of.number(block, index).or_else(|| of.text(block, index)?.parse().ok())
            }
        }
    }

    /// Where the text of this record is to be had.
    fn told(&self, block: &[u8], of: &Instance) -> Option<Told> {
        let unchanged = |(index, learnt): &(usize, Vec<u8>)| {
            of.value(block, *index).is_some_and(|(_, value)| value == learnt)
        };
        match (self.values.as_slice(), &self.literal) {
            ([], None) => None,
            (values, _) if values.iter().all(unchanged) => Some(Told::AsLearnt),
            ([(index, _)], None) => Some(Told::InValue(*index)),
            _ => None,
        }
    }
}

/// Where a record's text is to be had.
enum Told {
    /// It is the one that was learnt.
    AsLearnt,
    /// In the one value where it can be.
    InValue(usize),
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

#[cfg(test)]
mod tests {
    use super::*;

    const OUTER: u32 = 64;
    const INNER: u32 = 128;
    const RECORD: usize = 256;

    /// An instance of the template at this place, with its values by type.
    fn instance(template: u32, values: &[(u8, &[u8])]) -> Vec<u8> {
        let mut said = vec![FRAGMENT, 1, 1, 0, INSTANCE, 1, 0, 0, 0, 0];
        said.extend(template.to_le_bytes());
        said.extend(u32::try_from(values.len()).expect("a count").to_le_bytes());
        for (kind, value) in values {
            said.extend(u16::try_from(value.len()).expect("a length").to_le_bytes());
            said.extend([*kind, 0]);
        }
        values.iter().for_each(|(_, value)| said.extend(*value));
        said
    }

    /// A block with a logon of this type, written by version 2 of the event.
    fn logon(kind: u32) -> (Vec<u8>, Instance) {
        let text = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        let [provider, channel, computer] =
            ["Microsoft-Windows-Security-Auditing", "Security", "pc42"].map(text);
        let happened = instance(INNER, &[(UINT32, &kind.to_le_bytes())]);
        let said = instance(
            OUTER,
            &[
                (STRING, &provider),
                (UINT16, &4624_u16.to_le_bytes()),
                (STRING, &channel),
                (STRING, &computer),
                (UINT32, &2_u32.to_le_bytes()),
                (BINARY_XML, &happened),
            ],
        );
        let mut block = vec![0; RECORD];
        for template in [OUTER, INNER] {
            // Nothing but its identifier: a text of no length.
            block[template as usize + TEMPLATE_ID_AT] = template.to_le_bytes()[0];
        }
        block.extend(&said);
        let of = Instance::of(&said, RECORD).expect("an instance");
        (block, of)
    }

    fn head(decides: &'static str) -> Head<'static> {
        Head {
            provider: "Microsoft-Windows-Security-Auditing".into(),
            id: 4624,
            channel: "Security".into(),
            computer: "pc42".into(),
            decides: Some(decides.into()),
        }
    }

    /// The type of a logon, in a template of its own, is not taken for the version that was the same
    /// by chance where it was learnt.
    #[test]
    fn the_field_that_decides_stands_where_it_happened() {
        let (heads, [(local, of_local), (remote, of_remote)]) =
            (Heads::default(), [2, 10].map(logon));
        heads.learn(&local, &of_local, &head("2"));
        let template = heads.of(&remote, OUTER).expect("it was learnt");
        let told = heads.head(&template, &remote, &of_remote).expect("it is told");
        assert_eq!((told.id, &*told.computer, told.decides.as_deref()), (4624, "pc42", Some("10")));
        assert!(told.may_concern());
        let told = heads.head(&template, &local, &of_local).expect("it is told");
        assert!(!told.may_concern());
    }
}
