//! Event logs: Windows writes the entries that are asked for to a file of its own form, and the
//! reader of such files reads them. So an entry is the same fact, whatever way it was had.

use std::fs;
use std::io::Read as _;
use std::sync::atomic::{AtomicU32, Ordering};

use rdpdoctor_model::{Lookup, WindowsEvent};
use windows_sys::Win32::System::EventLog::{EvtExportLog, EvtExportLogChannelPath};

use super::text::{absent_or, last_error, number, wide};
use crate::system::disk::{is_not_read, newest};

/// ERROR_EVT_CHANNEL_NOT_FOUND.
const NO_CHANNEL: u32 = 15007;

/// What is older says nothing about a connection of today: 30 days, in milliseconds.
const OLDEST_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// Numbers that one question takes.
const MOST_IDS: usize = 20;

/// Longest file that is read.
const LONGEST: u64 = 64 << 20;

/// The newest entries of a channel by provider and number, the oldest of them first.
pub(super) fn of_channel(channel: &str, provider: &str, ids: &[u32]) -> Lookup<Vec<WindowsEvent>> {
    if let Some(why) = is_not_read(provider, ids) {
        return Lookup::Unavailable { why };
    }
    let mut found = Vec::new();
    let parts: Vec<&[u32]> =
        if ids.is_empty() { vec![&[]] } else { ids.chunks(MOST_IDS).collect() };
    for part in parts {
        match exported(channel, &query(provider, part)) {
            Ok(bytes) => found.extend(newest(&bytes, provider, part)),
            Err(error) => return absent_or(error, &[NO_CHANNEL]),
        }
    }
    Lookup::seen(found)
}

/// The entries of the last days, in the language of event queries.
fn query(provider: &str, ids: &[u32]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("EventID={id}")).collect();
    let ids = if ids.is_empty() { String::new() } else { format!(" and ({})", ids.join(" or ")) };
    format!(
        "*[System[Provider[@Name='{provider}']{ids} and \
         TimeCreated[timediff(@SystemTime) <= {OLDEST_MS}]]]"
    )
}

/// A file that is gone when nobody needs it any more.
struct Export(std::path::PathBuf);

impl Drop for Export {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[expect(unsafe_code, reason = "a call of Windows")]
fn exported(channel: &str, query: &str) -> Result<Vec<u8>, u32> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("rdpdoctor-{}-{count}.evtx", std::process::id());
    let file = Export(std::env::temp_dir().join(name));
    let (channel, query) = (wide(channel), wide(query));
    let target = wide(&file.0.to_string_lossy());
    // SAFETY: each text ends with a zero and lives until it returns; no session is this machine.
    let done = unsafe {
        EvtExportLog(0, channel.as_ptr(), query.as_ptr(), target.as_ptr(), EvtExportLogChannelPath)
    };
    if done == 0 {
        return Err(last_error());
    }
    let mut bytes = Vec::new();
    let read = fs::File::open(&file.0).and_then(|f| f.take(LONGEST).read_to_end(&mut bytes));
    read.map_err(|error| number(&error))?;
    Ok(bytes)
}
