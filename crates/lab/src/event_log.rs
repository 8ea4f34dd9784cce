//! Event logs as Windows writes them, with what a test wants in them: one block, its records in
//! binary XML without templates.

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

/// The bytes of a log with these events of one computer. Events that the block has no room for are
/// left out.
pub fn event_log(computer: &str, events: &[LoggedEvent]) -> Vec<u8> {
    let mut block = vec![0_u8; RECORDS_AT];
    let mut last_at = RECORDS_AT;
    let mut written = 0_u64;
    for event in events {
        let start = block.len();
        let number = written + 1;
        record(&mut block, number, computer, event);
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

fn record(block: &mut Vec<u8>, number: u64, computer: &str, event: &LoggedEvent) {
    let start = block.len();
    block.extend([0x2A, 0x2A, 0, 0, 0, 0, 0, 0]);
    block.extend(number.to_le_bytes());
    block.extend((YEAR_2026 + event.at_ms * 10_000).to_le_bytes());
    // The header of a fragment of binary XML.
    block.extend([0x0F, 1, 1, 0]);
    element(block, "Event", &[], |block| {
        element(block, "System", &[], |block| system(block, computer, event));
        element(block, "EventData", &[], |block| {
            for (name, value) in &event.data {
                let attributes = [("Name", *name)];
                let named = if name.is_empty() { &[][..] } else { &attributes[..] };
                element(block, "Data", named, |block| text(block, value));
            }
        });
    });
    block.push(0);
    let size = block.len() - start + 4;
    let size = to_u32(size).to_le_bytes();
    block.extend(size);
    put(block, start + 4, &size);
}

fn system(block: &mut Vec<u8>, computer: &str, event: &LoggedEvent) {
    let moment = moment(event.at_ms);
    element(block, "Provider", &[("Name", event.provider)], |_| {});
    element(block, "EventID", &[], |block| text(block, &event.id.to_string()));
    element(block, "TimeCreated", &[("SystemTime", &moment)], |_| {});
    if let Some(activity) = event.activity {
        element(block, "Correlation", &[("ActivityID", activity)], |_| {});
    }
    element(block, "Channel", &[], |block| text(block, event.channel));
    element(block, "Computer", &[], |block| text(block, computer));
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

fn element(
    block: &mut Vec<u8>,
    name: &str,
    attributes: &[(&str, &str)],
    content: impl FnOnce(&mut Vec<u8>),
) {
    block.push(if attributes.is_empty() { 0x01 } else { 0x41 });
    // Outside of a template an element bears no dependency.
    let size_at = block.len();
    block.extend([0; 4]);
    named(block, name);
    if !attributes.is_empty() {
        let list_at = block.len();
        block.extend([0; 4]);
        for (index, (name, value)) in attributes.iter().enumerate() {
            block.push(if index + 1 < attributes.len() { 0x46 } else { 0x06 });
            named(block, name);
            text(block, value);
        }
        let size = to_u32(block.len() - list_at - 4).to_le_bytes();
        put(block, list_at, &size);
    }
    block.push(0x02);
    content(block);
    block.push(0x04);
    let size = to_u32(block.len() - size_at - 4).to_le_bytes();
    put(block, size_at, &size);
}

/// A name, written where it is used.
fn named(block: &mut Vec<u8>, name: &str) {
    let here = block.len() + 4;
    block.extend(to_u32(here).to_le_bytes());
    block.extend([0; 6]);
    utf16(block, name);
    block.extend([0, 0]);
}

fn text(block: &mut Vec<u8>, value: &str) {
    block.extend([0x05, 0x01]);
    utf16(block, value);
}

/// The number of characters, then the characters.
fn utf16(block: &mut Vec<u8>, value: &str) {
    let units: Vec<u16> = value.encode_utf16().collect();
    block.extend(u16::try_from(units.len()).unwrap_or(u16::MAX).to_le_bytes());
    block.extend(units.into_iter().flat_map(u16::to_le_bytes));
}

fn put(block: &mut [u8], at: usize, bytes: &[u8]) {
    block[at..at + bytes.len()].copy_from_slice(bytes);
}

fn to_u32(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
