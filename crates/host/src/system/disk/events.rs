//! Event logs, through the reader of `.evtx` files.

use rdpdoctor_files::evtx::{Log, taken};
use rdpdoctor_model::{Lookup, WindowsEvent};

use super::tree::Tree;

/// Longest log that is read; Windows makes them of 20 MiB unless it is told otherwise.
const LONGEST: u64 = 256 << 20;

/// Entries that are kept, the newest ones.
const MOST: usize = 64;

/// Entries of a channel by provider and number, the newest ones, the oldest of them first.
pub(super) fn of_channel(
    tree: &dyn Tree,
    windows: &str,
    channel: &str,
    provider: &str,
    ids: &[u32],
) -> Lookup<Vec<WindowsEvent>> {
    if let Some(why) = is_not_read(provider, ids) {
        return Lookup::Unavailable { why };
    }
    let file = format!("{}.evtx", channel.replace('/', "%4"));
    let path = [windows, "System32", "winevt", "Logs", &file];
    let bytes = match tree.read(&path, LONGEST + 1) {
        Lookup::Seen { value } if value.len() as u64 > LONGEST => {
            return Lookup::unavailable(format!("the log {channel} is too long"));
        }
        Lookup::Seen { value } => value,
        Lookup::Absent => return Lookup::Absent,
        Lookup::Unavailable { why } => return Lookup::Unavailable { why },
    };
    Lookup::seen(newest(&bytes, provider, ids))
}

/// Why entries of these numbers cannot be had: the reader of logs takes over those it knows.
pub(in crate::system) fn is_not_read(provider: &str, ids: &[u32]) -> Option<String> {
    let is_read = |id: &u32| taken().any(|(p, i)| p == provider && i.is_none_or(|i| i == *id));
    let unknown = ids.iter().find(|id| !is_read(id))?;
    Some(format!("event {unknown} of {provider} is not read"))
}

/// The newest entries of a log by provider and number, the oldest of them first.
pub(in crate::system) fn newest(log: &[u8], provider: &str, ids: &[u32]) -> Vec<WindowsEvent> {
    let log = Log::read(log);
    let newest = log.entries.into_iter().rev().map(|entry| *entry.event);
    let mut found: Vec<WindowsEvent> =
        newest.filter(|event| event.is(provider, ids)).take(MOST).collect();
    found.reverse();
    found
}
