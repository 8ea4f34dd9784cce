//! Event logs as Windows writes them, with what a test wants in them: one block, its records in
//! binary XML (MS-EVEN6 2.2.12), each in full or as an instance of a template.

use time::OffsetDateTime;

/// An event to be written.
#[derive(Debug, Clone)]
pub struct LoggedEvent {
    /// Milliseconds since 2026-01-01.
    pub at_ms: u64,
    /// The provider's name.
    pub provider: &'static str,
    /// The event's number.
    pub id: u32,
    /// The log it stands in.
    pub channel: &'static str,
    /// The activity it belongs to.
    pub activity: Option<&'static str>,
    /// Fields by name; one without a name is written without.
    pub data: Vec<(&'static str, String)>,
}

const BLOCK: usize = 65_536;
const RECORDS_AT: usize = 512;

/// 2026-01-01 as a FILETIME, 100-nanosecond steps since 1601-01-01.
const YEAR_2026: u64 = 134_116_992_000_000_000;

/// The same in seconds since 1970.
const START_2026: i64 = 1_767_225_600;

/// The bytes of a log with these events of one computer, each in full. Events that the block has no
/// room for are left out.
pub fn event_log(computer: &str, events: &[LoggedEvent]) -> Vec<u8> {
    written(events, |block, number, event| {
        record(block, number, event, |block| whole(block, computer, event));
    })
}

/// The same as Windows does it: what is alike stands in a template, in the first of its records.
pub fn event_log_of_templates(computer: &str, events: &[LoggedEvent]) -> Vec<u8> {
    let mut templates = Vec::new();
    written(events, |block, number, event| {
        record(block, number, event, |block| instance(block, computer, event, &mut templates));
    })
}

fn written(
    events: &[LoggedEvent],
    mut record: impl FnMut(&mut Vec<u8>, u64, &LoggedEvent),
) -> Vec<u8> {
    let mut block = vec![0_u8; RECORDS_AT];
    let mut last_at = RECORDS_AT;
    let mut written = 0_u64;
    for event in events {
        let start = block.len();
        let number = written + 1;
        record(&mut block, number, event);
        if block.len() > BLOCK {
            block.truncate(start);
            break;
        }
        (last_at, written) = (start, number);
    }
    let free = block.len();
    block.resize(BLOCK, 0);
    put(&mut block, 0, b"ElfChnk\0");
    for (at, value) in [(8, 1), (16, written), (24, 1), (32, written)] {
        put(&mut block, at, &value.to_le_bytes());
    }
    for (at, value) in [(40, 128), (44, last_at), (48, free)] {
        put(&mut block, at, &to_u32(value).to_le_bytes());
    }
    // No checksums are written, and the flags say so.
    put(&mut block, 120, &4_u32.to_le_bytes());
    let mut log = vec![0_u8; 4096];
    put(&mut log, 0, b"ElfFile\0");
    put(&mut log, 24, &(written + 1).to_le_bytes());
    put(&mut log, 32, &128_u32.to_le_bytes());
    put(&mut log, 36, &[1, 0, 3, 0, 0, 16, 1, 0]);
    put(&mut log, 120, &4_u32.to_le_bytes());
    log.extend(block);
    log
}

fn record(block: &mut Vec<u8>, number: u64, event: &LoggedEvent, said: impl FnOnce(&mut Vec<u8>)) {
    let start = block.len();
    block.extend([0x2A, 0x2A, 0, 0, 0, 0, 0, 0]);
    block.extend(number.to_le_bytes());
    block.extend((YEAR_2026 + event.at_ms * 10_000).to_le_bytes());
    block.extend(FRAGMENT);
    said(block);
    block.push(END);
    let size = block.len() - start + 4;
    let size = to_u32(size).to_le_bytes();
    block.extend(size);
    put(block, start + 4, &size);
}

/// An event with all of its texts.
fn whole(block: &mut Vec<u8>, computer: &str, event: &LoggedEvent) {
    let (id, moment) = (event.id.to_string(), moment(event.at_ms));
    let head = Head {
        id: Content::Text(&id),
        moment: Content::Text(&moment),
        activity: event.activity.map(Content::Text),
        computer: Content::Text(computer),
    };
    let data = event.data.iter().map(|(_, value)| Content::Text(value)).collect();
    content(block, false, event, head, data);
}

/// What makes two events instances of one template, and where it is.
type Known = (&'static str, &'static str, bool, Vec<&'static str>, usize);

/// An event as its template and what it fills in.
fn instance(block: &mut Vec<u8>, computer: &str, event: &LoggedEvent, templates: &mut Vec<Known>) {
    let names: Vec<_> = event.data.iter().map(|(name, _)| *name).collect();
    let known = templates.iter().find(|(provider, channel, activity, others, _)| {
        (*provider, *channel, *activity)
            == (event.provider, event.channel, event.activity.is_some())
            && *others == names
    });
    let known = known.map(|(.., place)| *place);
    // Its token and number, and its place: behind that, where it is new.
    block.extend([0x0C, 1, 0, 0, 0, 0]);
    let place = known.unwrap_or(block.len() + 4);
    block.extend(to_u32(place).to_le_bytes());
    if known.is_none() {
        templates.push((event.provider, event.channel, event.activity.is_some(), names, place));
        template(block, event);
    }
    let id = u16::try_from(event.id).unwrap_or(u16::MAX);
    let moment = YEAR_2026 + event.at_ms * 10_000;
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut values: Vec<(u8, Vec<u8>)> = vec![
        (UINT16, id.to_le_bytes().to_vec()),
        (FILETIME, moment.to_le_bytes().to_vec()),
        (STRING, utf16(event.activity.unwrap_or_default())),
        (STRING, utf16(computer)),
    ];
    values.extend(event.data.iter().map(|(_, value)| (STRING, utf16(value))));
    block.extend(to_u32(values.len()).to_le_bytes());
    for (kind, value) in &values {
        block.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
        block.extend([*kind, 0]);
    }
    block.extend(values.into_iter().flat_map(|(_, value)| value));
}

/// The template of such events: the next one's place (none), 16 bytes of identity, its length, and it.
fn template(block: &mut Vec<u8>, event: &LoggedEvent) {
    block.extend([0; 20]);
    let length_at = block.len();
    block.extend([0; 4]);
    block.extend(FRAGMENT);
    let head = Head {
        id: Content::Value(0, UINT16),
        moment: Content::Value(1, FILETIME),
        activity: event.activity.map(|_| Content::Value(2, STRING)),
        computer: Content::Value(3, STRING),
    };
    let data = (4..).take(event.data.len()).map(|index| Content::Value(index, STRING)).collect();
    content(block, true, event, head, data);
    block.push(END);
    let length = to_u32(block.len() - length_at - 4).to_le_bytes();
    put(block, length_at, &length);
}

/// What stands between two tags or in an attribute.
#[derive(Clone, Copy)]
enum Content<'a> {
    /// A text.
    Text(&'a str),
    /// The value of this number, of this type.
    Value(u16, u8),
}

/// What of an event's head differs from record to record.
struct Head<'a> {
    id: Content<'a>,
    moment: Content<'a>,
    activity: Option<Content<'a>>,
    computer: Content<'a>,
}

/// The head of a fragment of binary XML, and its end.
const FRAGMENT: [u8; 4] = [0x0F, 1, 1, 0];
const END: u8 = 0;

/// Types of values (MS-EVEN6 2.2.12.1).
const STRING: u8 = 0x01;
const UINT16: u8 = 0x06;
const FILETIME: u8 = 0x11;

fn content(
    block: &mut Vec<u8>,
    in_template: bool,
    event: &LoggedEvent,
    head: Head<'_>,
    data: Vec<Content<'_>>,
) {
    let mut writer = Writer { block, in_template };
    writer.element("Event", &[], |writer| {
        writer.element("System", &[], |writer| {
            writer.element("Provider", &[("Name", Content::Text(event.provider))], |_| {});
            writer.element("EventID", &[], |writer| writer.content(head.id));
            writer.element("TimeCreated", &[("SystemTime", head.moment)], |_| {});
            if let Some(activity) = head.activity {
                writer.element("Correlation", &[("ActivityID", activity)], |_| {});
            }
            writer.element("Channel", &[], |writer| writer.content(Content::Text(event.channel)));
            writer.element("Computer", &[], |writer| writer.content(head.computer));
        });
        writer.element("EventData", &[], |writer| {
            for ((name, _), value) in event.data.iter().zip(data) {
                let attributes = [("Name", Content::Text(name))];
                let named = if name.is_empty() { &[][..] } else { &attributes[..] };
                writer.element("Data", named, |writer| writer.content(value));
            }
        });
    });
}

/// A moment so long after the beginning of 2026.
fn moment(at_ms: u64) -> String {
    let seconds = i64::try_from(at_ms / 1_000).unwrap_or(0);
    let at = OffsetDateTime::from_unix_timestamp(START_2026 + seconds);
    let at = at.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (hour, minute, second) = at.to_hms();
    let day = at.date();
    let ms = at_ms % 1_000;
    format!("{day}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// Writes elements. Names are written where they are used.
struct Writer<'b> {
    block: &'b mut Vec<u8>,
    in_template: bool,
}

impl Writer<'_> {
    fn element(
        &mut self,
        name: &str,
        attributes: &[(&str, Content<'_>)],
        inner: impl FnOnce(&mut Self),
    ) {
        self.block.push(if attributes.is_empty() { 0x01 } else { 0x41 });
        if self.in_template {
            // On no value depends whether it is there.
            self.block.extend([0xFF, 0xFF]);
        }
        let size_at = self.block.len();
        self.block.extend([0; 4]);
        self.name(name);
        if !attributes.is_empty() {
            let list_at = self.block.len();
            self.block.extend([0; 4]);
            for (index, (name, value)) in attributes.iter().enumerate() {
                self.block.push(if index + 1 < attributes.len() { 0x46 } else { 0x06 });
                self.name(name);
                self.content(*value);
            }
            self.put_size(list_at);
        }
        self.block.push(0x02);
        inner(self);
        self.block.push(0x04);
        self.put_size(size_at);
    }

    /// The size of what was written behind the place for it.
    fn put_size(&mut self, at: usize) {
        let size = to_u32(self.block.len() - at - 4).to_le_bytes();
        put(self.block, at, &size);
    }

    fn name(&mut self, name: &str) {
        let here = self.block.len() + 4;
        self.block.extend(to_u32(here).to_le_bytes());
        self.block.extend([0; 6]);
        self.utf16(name);
        self.block.extend([0, 0]);
    }

    fn content(&mut self, content: Content<'_>) {
        match content {
            Content::Text(text) => {
                self.block.extend([0x05, STRING]);
                self.utf16(text);
            }
            Content::Value(index, kind) => {
                self.block.push(0x0D);
                self.block.extend(index.to_le_bytes());
                self.block.push(kind);
            }
        }
    }

    /// The number of characters, then the characters.
    fn utf16(&mut self, value: &str) {
        let units: Vec<u16> = value.encode_utf16().collect();
        let count = u16::try_from(units.len()).unwrap_or(u16::MAX);
        self.block.extend(count.to_le_bytes());
        self.block.extend(units.into_iter().flat_map(u16::to_le_bytes));
    }
}

fn put(block: &mut [u8], at: usize, bytes: &[u8]) {
    block[at..at + bytes.len()].copy_from_slice(bytes);
}

fn to_u32(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
