//! A capture and event logs of the same incident: one body of evidence with one clock.

use std::collections::BTreeMap;

use rdpdoctor_files::incident::{AGREE_MS, Account, Joint, Teller, Told, joint};
use rdpdoctor_files::pcap;
use rdpdoctor_host::Side;
use rdpdoctor_model::{
    Apart, Fact, JoinedEvidence, JoinedSource, Observation, ObservationId, Source, Stage,
    StageOutcome, Timestamp,
};

use super::{not_used, said};
use crate::event_logs::{self, LoggedAttempt};

/// Attempts of logs that are further from each other are not held together.
const FAR_MS: u64 = 86_400_000;

/// A capture's try, and what a log tells of it.
struct Match {
    capture: usize,
    log: usize,
    joint: Joint,
}

/// Puts what logs tell of a captured try into its evidence, on the capture's clock, and takes it out of
/// `logged`. Where a log tells of none of the tries, that is said.
///
/// Returns who tried, where a log says it.
pub fn join(captures: &mut [pcap::Attempt], logged: &mut Vec<LoggedAttempt>) -> Option<String> {
    if captures.is_empty() || logged.is_empty() {
        return None;
    }
    let mut user = None;
    let (matches, reasons) = matches(captures, logged);
    let mut logs: Vec<Option<LoggedAttempt>> = logged.drain(..).map(Some).collect();
    for found in matches {
        let capture = captures.get_mut(found.capture);
        let log = logs.get_mut(found.log).and_then(Option::take);
        if let (Some(capture), Some(log)) = (capture, log) {
            user = log.user.as_deref().map(str::to_lowercase).or(user);
            merge(capture, log, &found.joint);
        }
    }
    for (teller, computer, why) in reasons {
        for capture in captures.iter_mut() {
            keep_apart(capture, teller, computer.clone(), why);
        }
    }
    logged.extend(logs.into_iter().flatten());
    user
}

/// The same of logs alone: what a client's log tells of a try that the host's log has as well.
pub fn join_logs(logged: &mut Vec<LoggedAttempt>) {
    let is_clients = |log: &LoggedAttempt| teller(&log.observations) == Teller::ClientLog;
    let of_clients = logged.iter().filter(|log| is_clients(log)).count();
    if (1..logged.len()).contains(&of_clients) {
        let (mut clients, hosts): (Vec<_>, Vec<_>) = logged.drain(..).partition(is_clients);
        let kept: Vec<(Option<String>, i64)> =
            hosts.iter().map(|host| (host.user.clone(), host.clock_set_ms)).collect();
        let mut bodies: Vec<pcap::Attempt> = hosts.into_iter().map(body).collect();
        join(&mut bodies, &mut clients);
        let hosts = bodies.into_iter().zip(kept);
        let hosts = hosts.map(|(body, (user, clock_set_ms))| LoggedAttempt {
            target: body.target,
            started_at: body.started_at,
            elapsed_ms: body.elapsed_ms,
            observations: body.observations,
            user,
            clock_set_ms,
        });
        logged.extend(hosts.chain(clients));
    }
    logged.sort_by_key(|log| log.started_at);
}

fn body(log: LoggedAttempt) -> pcap::Attempt {
    pcap::Attempt {
        target: log.target,
        addresses: Vec::new(),
        via: None,
        started_at: log.started_at,
        elapsed_ms: log.elapsed_ms,
        observations: log.observations,
    }
}

/// Who wrote a log.
type Writer = (u8, Option<String>);

/// Why a log, of whose side and of which computer, tells of none of the tries.
type Reason = (Teller, Option<String>, Apart);

/// Which log's attempt is which capture's, and of logs that have none of them why.
fn matches(captures: &[pcap::Attempt], logged: &[LoggedAttempt]) -> (Vec<Match>, Vec<Reason>) {
    let of_captures: Vec<Told<'_>> =
        captures.iter().map(|capture| Told::of(account(capture))).collect();
    let of_logs: Vec<Told<'_>> = logged.iter().map(|log| Told::of(log_account(log))).collect();
    let mut matches: Vec<Match> = Vec::new();
    let mut reasons: BTreeMap<Writer, Apart> = BTreeMap::new();
    for (index, capture) in of_captures.iter().enumerate() {
        for teller in [Teller::HostLog, Teller::ClientLog] {
            let mut fits: Vec<(usize, Joint)> = Vec::new();
            for (log, told) in
                of_logs.iter().enumerate().filter(|(_, told)| told.teller() == teller)
            {
                if is_far(captures.get(index), logged.get(log)) {
                    continue;
                }
                let taken = matches.iter().any(|found| found.log == log);
                match joint(capture, told) {
                    Ok(joint) if !taken => fits.push((log, joint)),
                    Ok(_) => {}
                    Err(why) => {
                        let writer = writer(teller, logged.get(log));
                        let why = why.unwrap_or(Apart::NoCommonEvent);
                        let known = reasons.entry(writer).or_insert(why);
                        *known = telling(*known, why);
                    }
                }
            }
            match only(fits) {
                Ok(Some((log, joint))) => matches.push(Match { capture: index, log, joint }),
                Ok(None) => {}
                Err(log) => {
                    reasons.insert(writer(teller, logged.get(log)), Apart::Ambiguous);
                }
            }
        }
    }
    for unsteady in unsteady(captures, logged, &of_logs, &matches) {
        matches.retain(|found| {
            let teller = of_logs.get(found.log).map_or(Teller::HostLog, Told::teller);
            writer(teller, logged.get(found.log)) != unsteady
        });
        reasons.insert(unsteady, Apart::ClocksDisagree);
    }
    for found in &matches {
        let teller = of_logs.get(found.log).map_or(Teller::HostLog, Told::teller);
        reasons.remove(&writer(teller, logged.get(found.log)));
    }
    let reasons = reasons.into_iter().map(|((kind, computer), why)| {
        let teller = if kind == 0 { Teller::HostLog } else { Teller::ClientLog };
        (teller, computer, why)
    });
    (matches, reasons.collect())
}

/// Whether two attempts of logs lie so far from each other that no clock is to blame.
fn is_far(one: Option<&pcap::Attempt>, log: Option<&LoggedAttempt>) -> bool {
    let (Some(one), Some(log)) = (one, log) else { return true };
    teller(&one.observations) != Teller::Capture
        && one.started_at.millis_since(log.started_at).unsigned_abs() > FAR_MS
}

/// Of two reasons the one that says more.
fn telling(one: Apart, other: Apart) -> Apart {
    if one == Apart::NoCommonEvent { other } else { one }
}

/// The one that fits: a certain one before others; of several that are not, none.
///
/// # Errors
///
/// One of several that fit alike.
fn only(mut fits: Vec<(usize, Joint)>) -> Result<Option<(usize, Joint)>, usize> {
    if fits.iter().any(|(_, joint)| joint.is_certain()) {
        fits.retain(|(_, joint)| joint.is_certain());
        return Ok(fits.into_iter().min_by_key(|(_, joint)| joint.clock_ahead_ms.unsigned_abs()));
    }
    match fits.len() {
        0 | 1 => Ok(fits.pop()),
        _ => Err(fits.first().map_or(0, |(log, _)| *log)),
    }
}

/// Writers whose clock differs from a capture's now by this and then by that: there is no one clock, but
/// where a log tells that it was set in between.
fn unsteady(
    captures: &[pcap::Attempt],
    logged: &[LoggedAttempt],
    told: &[Told<'_>],
    matches: &[Match],
) -> Vec<Writer> {
    let mut ahead: BTreeMap<(Writer, Option<&str>), Vec<i64>> = BTreeMap::new();
    for found in matches {
        let teller = told.get(found.log).map_or(Teller::HostLog, Told::teller);
        let file = captures.get(found.capture).and_then(file_of);
        let key = (writer(teller, logged.get(found.log)), file);
        let set = logged.get(found.log).map_or(0, |log| log.clock_set_ms);
        ahead.entry(key).or_default().push(found.joint.clock_ahead_ms.saturating_sub(set));
    }
    let wanders = |all: &Vec<i64>| {
        let ends = (all.iter().min(), all.iter().max());
        matches!(ends, (Some(least), Some(most)) if most.abs_diff(*least) > AGREE_MS)
    };
    ahead.into_iter().filter(|(_, all)| wanders(all)).map(|((writer, _), _)| writer).collect()
}

fn file_of(capture: &pcap::Attempt) -> Option<&str> {
    capture.observations.iter().find_map(|o| o.origin.as_ref()).map(|origin| origin.file.as_str())
}

fn account(capture: &pcap::Attempt) -> Account<'_> {
    Account {
        teller: teller(&capture.observations),
        host: &capture.target.host,
        addresses: &capture.addresses,
        observations: &capture.observations,
    }
}

fn log_account(log: &LoggedAttempt) -> Account<'_> {
    Account {
        teller: teller(&log.observations),
        host: &log.target.host,
        addresses: &[],
        observations: &log.observations,
    }
}

/// Who tells.
fn teller(observations: &[Observation]) -> Teller {
    if observations.iter().any(|seen| seen.source == Source::Capture) {
        return Teller::Capture;
    }
    // The channel's name, without Operational, Admin or the like.
    let is_clients =
        |channel: &str| channel.split('/').next().is_some_and(|log| log.ends_with("-RDPClient"));
    let of_client = |seen: &Observation| match &seen.fact {
        Fact::WindowsEvent(event) => is_clients(&event.channel),
        Fact::EventLog { channels, .. } => channels.iter().any(|name| is_clients(name)),
        _ => false,
    };
    if observations.iter().any(of_client) { Teller::ClientLog } else { Teller::HostLog }
}

fn writer(teller: Teller, log: Option<&LoggedAttempt>) -> Writer {
    (u8::from(teller == Teller::ClientLog), log.and_then(computer))
}

fn computer(log: &LoggedAttempt) -> Option<String> {
    log.observations.iter().rev().find_map(|o| match &o.fact {
        Fact::WindowsEvent(event) => event.computer.clone(),
        Fact::EventLog { computers, .. } => computers.last().cloned(),
        _ => None,
    })
}

fn source_of(teller: Teller) -> JoinedSource {
    if teller == Teller::ClientLog { JoinedSource::ClientLog } else { JoinedSource::HostLog }
}

// ── one body ────────────────────────────────────────────────────────────────────────────────────

/// The log's evidence among the capture's, each in its own order, by the capture's clock.
fn merge(capture: &mut pcap::Attempt, mut log: LoggedAttempt, joint: &Joint) {
    let teller = log_account(&log).teller;
    let (computer, user) = (computer(&log), log.user.clone());
    event_logs::leave_out_others(&mut log.observations, user.as_deref());
    let file = log.observations.iter().find_map(|o| o.origin.as_ref().map(|o| o.file.clone()));
    let before = capture.observations.len();
    let mut added: Vec<Observation> = Vec::new();
    for mut seen in log.observations {
        if !adds(&mut capture.observations, &seen) {
            continue;
        }
        seen.at_ms = on_clock(seen.at, capture.started_at, joint.clock_ahead_ms);
        added.push(seen);
    }
    let fact = JoinedEvidence {
        evidence_of: source_of(teller),
        computer,
        joined: true,
        by: joint.by.clone(),
        clock_ahead_ms: Some(joint.clock_ahead_ms),
        common_events: joint.common_events,
        spread_ms: joint.spread_ms,
        age_ms: None,
        later_ms: None,
        apart: None,
    };
    added.insert(0, said(0, Side::Host, Source::EventLog, file.as_deref(), fact));
    // An id that was taken out is not given again.
    for (number, seen) in added.iter_mut().enumerate() {
        seen.id = ObservationId::numbered(before + number + 1);
    }
    capture.elapsed_ms = added.iter().map(|seen| seen.at_ms).fold(capture.elapsed_ms, u64::max);
    capture.observations = interleaved(std::mem::take(&mut capture.observations), added);
}

/// Milliseconds from the capture's first moment, by its clock.
fn on_clock(at: Option<Timestamp>, began: Timestamp, ahead_ms: i64) -> u64 {
    let since = at.map(|at| at.millis_since(began).saturating_sub(ahead_ms));
    since.and_then(|since| u64::try_from(since).ok()).unwrap_or(0)
}

/// Whether an observation of a log adds to a capture's: what the capture could not look into the log
/// tells; where the capture tells how a stage ended, it was there itself.
fn adds(capture: &mut Vec<Observation>, seen: &Observation) -> bool {
    let Fact::StageEnded { outcome, reason, .. } = &seen.fact else { return true };
    if matches!(seen.stage, Stage::Host | Stage::Client) {
        return true;
    }
    if reason.as_deref().is_some_and(|reason| reason.contains("does not say how it went on")) {
        return false;
    }
    let of_stage = |o: &Observation| match &o.fact {
        Fact::StageEnded { outcome, .. } if o.stage == seen.stage => Some(*outcome),
        _ => None,
    };
    let open = |outcome| outcome != StageOutcome::Passed;
    match capture.iter().find_map(of_stage) {
        None => true,
        Some(own) if open(own) && *outcome == StageOutcome::Passed => {
            capture.retain(|o| of_stage(o).is_none());
            true
        }
        Some(_) => false,
    }
}

/// Two lists as one by their times; neither's own order is changed.
fn interleaved(one: Vec<Observation>, other: Vec<Observation>) -> Vec<Observation> {
    let mut all = Vec::with_capacity(one.len() + other.len());
    let mut other = other.into_iter().peekable();
    for seen in one {
        while let Some(next) = other.next_if(|next| next.at_ms < seen.at_ms) {
            all.push(next);
        }
        all.push(seen);
    }
    all.extend(other);
    all
}

/// That a log was held against the captured try, and does not tell of it.
fn keep_apart(capture: &mut pcap::Attempt, teller: Teller, computer: Option<String>, why: Apart) {
    let words = match why {
        Apart::ClocksDisagree => "the clocks cannot be brought together",
        Apart::Ambiguous => "it fits several",
        _ => "no event is in both",
    };
    let name = computer.as_deref().map(|name| format!(" of {name}")).unwrap_or_default();
    let fact = JoinedEvidence {
        evidence_of: source_of(teller),
        computer,
        joined: false,
        by: Vec::new(),
        clock_ahead_ms: None,
        common_events: 0,
        spread_ms: 0,
        age_ms: None,
        later_ms: None,
        apart: Some(why),
    };
    // A host's log has a line about the host, which says it.
    let teller_of_base = self::teller(&capture.observations);
    let number = capture.observations.len() + 1;
    let why = format!("the log{name}, {words}");
    capture.observations.push(said(number, Side::Host, Source::EventLog, None, fact));
    if teller_of_base != Teller::Capture {
        return;
    }
    capture.observations.push(not_used(number + 1, Side::Host, Source::EventLog, &why));
}
