//! Carries a plan out: each step saved before it is done, read again after it, and at the end a
//! handshake with the listener. Whatever goes wrong on the way leads back.

use rdpdoctor_model::{State, Step, Timestamp};

use super::journal::{Entry, Journal, JournalError, Outcome};
use super::perform::{self, Failed};
use super::rollback::{RolledBack, roll_back};
use super::told::{Pace, Point, log};
use super::{guard, state};
use crate::system::{LogEvent, Mutable};

/// A handshake with the machine's own listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handshake {
    /// It passed, as far as it goes without a credential.
    Passed,
    /// It failed: where and why, in a line.
    Failed(String),
    /// There is nothing to try.
    NotTried,
}

/// Whoever can try the listener.
pub trait Verifier {
    /// Tries it on this port of this machine.
    fn handshake(&mut self, port: u16) -> Handshake;
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// Done and verified; it stays.
    Kept,
    /// Done and verified; it stays if somebody says so until then.
    Awaiting(Timestamp),
    /// Taken back.
    RolledBack(RolledBack),
}

/// Carries out what the journal's plan says, from where the journal ends. `at_start` is the command
/// that looks after the run when the machine starts.
///
/// # Errors
/// When the journal cannot be written: then nothing more was changed.
pub fn apply(
    machine: &mut dyn Mutable,
    verifier: &mut dyn Verifier,
    journal: &mut Journal,
    at_start: &[String],
    pace: Pace<'_>,
) -> Result<Applied, JournalError> {
    match steps(machine, verifier, journal, at_start, pace) {
        Ok(()) => finish(machine, journal, pace),
        Err(Failed::Machine(why)) => {
            Ok(Applied::RolledBack(roll_back(machine, journal, &why.0, pace)?))
        }
        Err(Failed::Journal(error)) => Err(error),
    }
}

fn steps(
    machine: &mut dyn Mutable,
    verifier: &mut dyn Verifier,
    journal: &mut Journal,
    at_start: &[String],
    pace: Pace<'_>,
) -> Result<(), Failed> {
    let began = journal.began()?.clone();
    if began.confirm_within.is_some() {
        machine.look_after_at_start(&began.run, at_start)?;
    }
    let certain: Vec<&Step> = began.plan.certain_steps().collect();
    for (index, step) in certain.iter().enumerate() {
        do_step(machine, journal, index, step, true, pace)?;
    }
    let Some(port) = began.plan.handshake_port else { return Ok(()) };
    let mut handshake = try_listener(verifier, journal, port, pace)?;
    for (index, step) in began.plan.escalation.iter().enumerate() {
        let index = certain.len() + index;
        if handshake.is_none() && !was_begun(journal, index) {
            break;
        }
        do_step(machine, journal, index, step, false, pace)?;
        handshake = try_listener(verifier, journal, port, pace)?;
    }
    match handshake {
        None => Ok(()),
        Some(why) => Err(Failed::Machine(crate::system::NotChanged(format!(
            "a handshake with the listener still fails: {why}"
        )))),
    }
}

/// Whoever was killed in the middle of a restart left a service stopped.
fn was_begun(journal: &Journal, index: usize) -> bool {
    journal.saved(index).is_some() && !journal.is_done(index)
}

fn try_listener(
    verifier: &mut dyn Verifier,
    journal: &mut Journal,
    port: u16,
    pace: Pace<'_>,
) -> Result<Option<String>, JournalError> {
    let failed = match verifier.handshake(port) {
        Handshake::Passed | Handshake::NotTried => None,
        Handshake::Failed(why) => Some(why),
    };
    journal.add(Entry::Handshake { failed: failed.clone() })?;
    pace(Point::Tried);
    Ok(failed)
}

/// One step: saved, done, read again. `as_planned` says whether it must find what the plan found.
fn do_step(
    machine: &mut dyn Mutable,
    journal: &mut Journal,
    index: usize,
    step: &Step,
    as_planned: bool,
    pace: Pace<'_>,
) -> Result<(), Failed> {
    use crate::system::NotChanged;
    if journal.is_done(index) {
        return Ok(());
    }
    if let Some(why) = guard::refuses(&step.change) {
        return Err(NotChanged(format!("never done by a program: {why}")).into());
    }
    if journal.saved(index).is_none() {
        let now = state::read(machine, &step.change);
        check_before(&now, &step.before, as_planned)?;
        journal.add(Entry::Saved { step: index, state: now })?;
        pace(Point::Saved(index));
    }
    perform::forth(machine, journal, index, &step.change)?;
    pace(Point::Changed(index));
    if !state::wanted(&step.change, &state::read(machine, &step.change)) {
        return Err(
            NotChanged(format!("step {} was done, and is read otherwise", index + 1)).into()
        );
    }
    journal.add(Entry::Done { step: index })?;
    pace(Point::Done(index));
    Ok(())
}

fn check_before(now: &State, planned: &State, as_planned: bool) -> Result<(), Failed> {
    use crate::system::NotChanged;
    if let Some(why) = now.unknown() {
        return Err(NotChanged(format!("nobody could look at what is there now: {why}")).into());
    }
    if as_planned && !state::same(now, planned) {
        return Err(NotChanged::because("what is there is not what the plan was made for").into());
    }
    Ok(())
}

fn finish(
    machine: &mut dyn Mutable,
    journal: &mut Journal,
    pace: Pace<'_>,
) -> Result<Applied, JournalError> {
    let began = journal.began()?.clone();
    log(machine, journal, LogEvent::APPLIED)?;
    let Some(seconds) = began.confirm_within else {
        journal.add(Entry::Ended { outcome: Outcome::Kept })?;
        pace(Point::Over);
        return Ok(Applied::Kept);
    };
    let wait = i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
    let until = Timestamp::now().plus_millis(wait);
    journal.add(Entry::Awaiting { until, boot: machine.boot().as_seen().cloned() })?;
    pace(Point::Over);
    Ok(Applied::Awaiting(until))
}
