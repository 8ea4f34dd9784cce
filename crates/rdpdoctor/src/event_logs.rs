//! Event logs that the user named: put together, one document an attempt.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use anyhow::Context as _;
use rayon::prelude::*;
use rdpdoctor_files::evtx::{Attempt, Attempts, End, Entry, Log, attempts};
use rdpdoctor_model::{
    DEFAULT_PORT, Fact, Observation, ObservationId, Origin, Source, Stage, StageOutcome, Target,
    Timestamp,
};

use crate::progress;

/// Attempts that are judged, the newest ones.
const MOST_JUDGED: usize = 2_000;

/// A log as it was named and read.
pub struct GivenLog {
    /// As the user named it.
    name: String,
    log: Log,
}

/// The evidence of one attempt.
pub struct LoggedAttempt {
    /// Whom it was about.
    pub target: Target,
    /// When its first entry was written.
    pub started_at: Timestamp,
    /// From its first entry to its last one.
    pub elapsed_ms: u64,
    /// What the entries say.
    pub observations: Vec<Observation>,
    /// Who tried.
    pub user: Option<String>,
    /// By how much the computer's clock had been set forward until then, as far as the logs go back.
    pub clock_set_ms: i64,
}

impl GivenLog {
    /// Reads the log, as far as it goes, and shows how far that is unless it is unwanted.
    pub fn read(path: &Path, quiet: bool) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
        let log = Log::read(progress::followed(file, &name, quiet));
        Ok(Self { name, log })
    }

    /// What of it could not be read, in words; none when all could.
    pub fn lost(&self) -> Option<String> {
        let Fact::EventLog { lost_records, lost_blocks, problems, .. } = self.log.fact() else {
            return None;
        };
        let counts = [(lost_records, "records"), (lost_blocks, "blocks of 64 KiB")];
        let counted = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what} could not be read"));
        let all: Vec<String> = counted.chain(problems).collect();
        (!all.is_empty()).then(|| format!("{}: {}", self.name, all.join("; ")))
    }
}

/// The attempts that the logs tell of, the oldest first, and how many older ones there are; one
/// without a user when nothing in them is an attempt.
pub fn logged(logs: &[GivenLog]) -> (Vec<LoggedAttempt>, usize) {
    let Attempts { all, loose } = attempts(logs.iter().map(|given| &given.log));
    if all.is_empty() {
        return (vec![evidence(logs, &loose, None)], 0);
    }
    let older = all.len().saturating_sub(MOST_JUDGED);
    let judged = all.get(older..).unwrap_or_default().par_iter();
    (judged.map(|attempt| evidence(logs, &attempt.entries, Some(attempt))).collect(), older)
}

/// Takes out of an attempt's evidence who else is named in it.
pub fn leave_out_others(observations: &mut [Observation], user: Option<&str>) {
    for observation in observations {
        let Fact::WindowsEvent(event) = &mut observation.fact else { continue };
        let other = event
            .user
            .as_deref()
            .is_some_and(|named| user.is_none_or(|user| !named.eq_ignore_ascii_case(user)));
        if other {
            event.user = None;
            event.domain = None;
        }
    }
}

/// How many other users and attempts there are.
pub fn others(users: &BTreeSet<String>, attempts: usize, failed: usize, unlisted: usize) -> Fact {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Fact::EventLogOthers {
        users: count(users.len()),
        attempts: count(attempts),
        failed: count(failed),
        unlisted: count(unlisted),
    }
}

/// A fact about the logs as a whole, numbered behind the others.
pub fn about_logs(observations: &[Observation], fact: Fact) -> Observation {
    observation(observations.len(), Stage::Host, None, None, fact)
}

fn evidence(
    logs: &[GivenLog],
    entries: &[(usize, &Entry)],
    attempt: Option<&Attempt<'_>>,
) -> LoggedAttempt {
    let first = entries.first().map(|(_, entry)| entry.at);
    let last = entries.last().map(|(_, entry)| entry.at);
    let started_at = first.unwrap_or_else(Timestamp::now);
    let side = side(logs, entries);
    // Beside the entries: the logs, how each of some stages went, the end.
    let mut observations: Vec<Observation> = Vec::with_capacity(entries.len() + 8);
    for given in involved(logs, entries) {
        let origin = Origin { file: given.name.clone(), frame: None };
        let fact = given.log.fact();
        observations.push(observation(observations.len(), side, None, Some(origin), fact));
    }
    for (log, entry) in entries {
        let file = logs.get(*log).map(|given| given.name.clone()).unwrap_or_default();
        let origin = Origin { file, frame: Some(entry.record) };
        let fact = Fact::WindowsEvent(entry.event.clone());
        let number = observations.len();
        let mut seen = observation(number, entry.stage, Some(entry.at), Some(origin), fact);
        seen.at_ms = since(started_at, entry.at);
        observations.push(seen);
    }
    for (stage, at, fact) in ends(attempt, entries) {
        let mut seen = observation(observations.len(), stage, Some(at), None, fact);
        seen.at_ms = since(started_at, at);
        observations.push(seen);
    }
    let fact = match attempt {
        Some(_) => ended(StageOutcome::Passed, None),
        None => ended(StageOutcome::Stopped, Some("nothing in it is an attempt to connect")),
    };
    observations.push(observation(observations.len(), side, None, None, fact));
    LoggedAttempt {
        target: target(logs, entries),
        started_at,
        elapsed_ms: last.map_or(0, |last| since(started_at, last)),
        observations,
        user: attempt.and_then(Attempt::user).map(str::to_owned),
        clock_set_ms: clock_set(logs, entries, started_at),
    }
}

/// By how much the clock of the computer that wrote the entries had been set forward until then. Another
/// of its logs may tell.
fn clock_set(logs: &[GivenLog], entries: &[(usize, &Entry)], until: Timestamp) -> i64 {
    let Some(computer) = entries.iter().find_map(|(_, entry)| entry.event.computer.as_deref())
    else {
        return 0;
    };
    let own = logs.iter().filter(|given| given.log.is_of(computer));
    let jumps = own.flat_map(|given| given.log.jumps()).filter(|jump| jump.at <= until);
    jumps.fold(0, |sum, jump| sum.saturating_add(jump.by_ms))
}

/// How the stages went, the last word about each.
fn ends(
    attempt: Option<&Attempt<'_>>,
    entries: &[(usize, &Entry)],
) -> Vec<(Stage, Timestamp, Fact)> {
    let Some(attempt) = attempt else { return Vec::new() };
    let mut ends: Vec<(Stage, Timestamp, Fact)> = Vec::new();
    for (_, entry) in attempt.ends() {
        let id = entry.event.event_id;
        let (outcome, reason) = match entry.end {
            End::Passed => (StageOutcome::Passed, format!("the log says so (event {id})")),
            _ => (StageOutcome::Stopped, format!("the log tells of a failure (event {id})")),
        };
        let fact = ended(outcome, Some(&reason));
        ends.retain(|(stage, ..)| *stage != entry.stage);
        ends.push((entry.stage, entry.at, fact));
    }
    let last = entries.last().map(|(_, entry)| entry.at);
    if let Some(at) = last.filter(|_| !attempt.says_how_it_went()) {
        let reason = Some("the log does not say how it went on");
        let stage = ends.iter().map(|(stage, ..)| *stage).max().map_or(Stage::Tcp, |_| Stage::X224);
        ends.push((stage, at, ended(StageOutcome::Stopped, reason)));
    }
    ends
}

/// The logs that the entries are from; all, when there are none.
fn involved<'a>(logs: &'a [GivenLog], entries: &[(usize, &Entry)]) -> Vec<&'a GivenLog> {
    let used: BTreeSet<usize> = entries.iter().map(|(log, _)| *log).collect();
    let all = logs.iter().enumerate();
    all.filter(|(log, _)| used.is_empty() || used.contains(log)).map(|(_, given)| given).collect()
}

/// On whose side the logs were written.
fn side(logs: &[GivenLog], entries: &[(usize, &Entry)]) -> Stage {
    let clients = involved(logs, entries).iter().all(|given| given.log.is_clients());
    if clients { Stage::Client } else { Stage::Host }
}

/// Whom it was about: the server that the client names, or the computer that wrote the log.
fn target(logs: &[GivenLog], entries: &[(usize, &Entry)]) -> Target {
    let named = |pick: fn(&Entry) -> Option<&String>| {
        entries.iter().find_map(|(_, entry)| pick(entry)).and_then(|name| name.parse().ok())
    };
    let server = named(|entry| entry.event.server_name.as_ref());
    let computer = || named(|entry| entry.event.computer.as_ref());
    let nobody = || {
        let input = logs.first().map(|given| given.name.clone()).unwrap_or_default();
        Target { input, host: String::new(), port: DEFAULT_PORT }
    };
    let of_log = || {
        logs.iter().find_map(|given| match given.log.fact() {
            // A machine that was renamed bears its last name.
            Fact::EventLog { computers, .. } => computers.last()?.parse().ok(),
            _ => None,
        })
    };
    server.or_else(computer).or_else(of_log).unwrap_or_else(nobody)
}

fn since(start: Timestamp, at: Timestamp) -> u64 {
    u64::try_from(at.millis_since(start)).unwrap_or(0)
}

fn ended(outcome: StageOutcome, reason: Option<&str>) -> Fact {
    Fact::StageEnded { outcome, reason: reason.map(str::to_owned), elapsed_ms: 0.0 }
}

fn observation(
    before: usize,
    stage: Stage,
    at: Option<Timestamp>,
    origin: Option<Origin>,
    fact: Fact,
) -> Observation {
    Observation {
        id: ObservationId::numbered(before + 1),
        source: Source::EventLog,
        stage,
        at,
        at_ms: 0,
        origin,
        connection: None,
        fact,
    }
}
