//! Entries of one or several logs, put together as attempts to connect: by time, address, activity
//! and user.

use std::net::IpAddr;

use rdpdoctor_model::Stage;

use super::{Class, End, Entry, known};

/// What is this close in time may be one attempt.
const NEAR_MS: i64 = 5_000;

/// What tells why a domain controller or a certificate is missing is said some time before.
const BESIDE_MS: i64 = 60_000;

/// One connection has one activity; its sign-in may take this long.
const ACTIVITY_MS: i64 = 120_000;

/// Entries that are kept of one attempt.
const MOST_ENTRIES: usize = 80;

/// Attempts that an entry is compared with, the last ones.
const COMPARED: usize = 64;

/// Entries that belong to no attempt, the newest ones.
const MOST_LOOSE: usize = 200;

/// An entry, by the log it stands in.
type Placed<'a> = (usize, &'a Entry);

/// Entries that tell of one try of one user.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt<'a> {
    /// The entries with the number of their log, in order of time.
    pub entries: Vec<(usize, &'a Entry)>,
    /// When the last of them was written, in milliseconds since 1970.
    last_ms: i64,
}

/// What a body of logs consists of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attempts<'a> {
    /// The attempts, in order of time.
    pub all: Vec<Attempt<'a>>,
    /// Entries that belong to none.
    pub loose: Vec<(usize, &'a Entry)>,
}

impl<'a> Attempt<'a> {
    /// Who tried: the user of the last entry that says how it went.
    pub fn user(&self) -> Option<&'a str> {
        let telling = self.entries.iter().rev().filter(|(_, entry)| entry.end != End::Open);
        let any = self.entries.iter().rev();
        telling.chain(any).find_map(|(_, entry)| entry.event.user.as_deref())
    }

    /// What became of the stages, as the entries say it, in order of time.
    pub fn ends(&self) -> impl Iterator<Item = &(usize, &'a Entry)> {
        self.entries.iter().filter(|(_, entry)| entry.end != End::Open)
    }

    /// Whether the entries say how it went on behind the connection itself.
    pub fn says_how_it_went(&self) -> bool {
        self.ends().any(|(_, entry)| entry.end == End::Stopped || entry.stage > Stage::X224)
    }

    fn new(entries: Vec<(usize, &'a Entry)>) -> Self {
        let last_ms = entries.last().map_or(i64::MIN, |(_, entry)| entry.at.unix_millis());
        Self { entries, last_ms }
    }

    fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.entries.iter().filter_map(|(_, entry)| entry.event.address)
    }

    /// Whether the entry, if it was written at this time and not before the others, belongs to it.
    fn takes_at(&self, entry: &Entry, at_ms: i64) -> bool {
        let gap = at_ms - self.last_ms;
        let activity = own_activity(entry);
        if gap > NEAR_MS && (activity.is_none() || gap > ACTIVITY_MS) {
            return false;
        }
        let same_computer = self.entries.iter().all(|(_, other)| {
            other.event.computer.is_none() || other.event.computer == entry.event.computer
        });
        if !same_computer {
            return false;
        }
        if let Some(activity) = activity {
            let mut own = self.entries.iter().filter_map(|(_, other)| own_activity(other));
            if own.any(|other| other == activity) {
                return true;
            }
        }
        let other_address = entry.event.address.is_some_and(|address| {
            self.addresses().next().is_some() && !self.addresses().any(|other| other == address)
        });
        let other_user = entry.event.user.as_deref().is_some_and(|user| {
            self.user().is_some_and(|other| !other.eq_ignore_ascii_case(user))
                && entry.end != End::Open
        });
        gap <= NEAR_MS && !other_address && !other_user
    }
}

/// An activity that stands for one connection. What the console and the security authority write
/// bears the same for days.
fn own_activity(entry: &Entry) -> Option<&str> {
    let activity = entry.event.activity.as_deref()?;
    let of_console = activity.starts_with("{61a55000-55e5-1017-");
    (entry.event.channel != "Security" && !of_console).then_some(activity)
}

/// Puts the entries of several logs together.
pub fn attempts<'a>(logs: impl IntoIterator<Item = &'a super::Log>) -> Attempts<'a> {
    let mut entries: Vec<Placed<'a>> = logs
        .into_iter()
        .enumerate()
        .flat_map(|(log, read)| read.entries.iter().map(move |entry| (log, entry)))
        .collect();
    entries.sort_by_key(|(_, entry)| entry.at);
    let mut all: Vec<Attempt<'a>> = Vec::new();
    let mut waiting: Vec<Placed<'a>> = Vec::new();
    for placed in entries {
        let mut latest = all.iter_mut().rev().take(COMPARED);
        let at_ms = placed.1.at.unix_millis();
        match latest.find(|attempt| attempt.takes_at(placed.1, at_ms)) {
            Some(attempt) => {
                if attempt.entries.len() == MOST_ENTRIES {
                    // How it began and how it ended say more than what lies between.
                    attempt.entries.remove(MOST_ENTRIES / 2);
                }
                attempt.entries.push(placed);
                attempt.last_ms = at_ms;
            }
            None if begins(placed.1) => {
                all.push(Attempt::new(beside(&mut waiting, placed)));
            }
            None => waiting.push(placed),
        }
    }
    // A clock is set many times in the life of a machine; it matters to a try only.
    waiting.retain(|(_, entry)| entry.event.clock_set_ms.is_none());
    let surplus = waiting.len().saturating_sub(MOST_LOOSE);
    Attempts { all, loose: waiting.split_off(surplus) }
}

/// Whether an entry that no attempt takes is one by itself.
fn begins(entry: &Entry) -> bool {
    match entry.class {
        Class::Step | Class::Failure => true,
        Class::Ending => known::ends_unusually(&entry.event),
        Class::Beside => false,
    }
}

/// The new attempt with what was said shortly before it and belongs to it.
fn beside<'a>(waiting: &mut Vec<Placed<'a>>, first: Placed<'a>) -> Vec<Placed<'a>> {
    let attempt = Attempt::new(vec![first]);
    let start = first.1.at.unix_millis();
    let belongs = |(_, entry): &Placed<'a>| {
        let gap = start - entry.at.unix_millis();
        let of_host = entry.event.address.is_none() && entry.event.user.is_none();
        let reach = if of_host { BESIDE_MS } else { NEAR_MS };
        entry.class == Class::Beside && gap <= reach && attempt.takes_at(entry, start)
    };
    // Only the last ones can be near.
    let recent = waiting.len().saturating_sub(COMPARED);
    let near = waiting.extract_if(recent.., |placed| belongs(placed));
    near.chain([first]).collect()
}
