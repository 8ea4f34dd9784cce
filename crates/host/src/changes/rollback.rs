//! The way back: every step that was begun, the last first, to what was saved before it.

use rdpdoctor_model::Step;

use super::journal::{Entry, Journal, JournalError, Outcome};
use super::perform::{self, Failed};
use super::state;
use super::told::{Pace, Point, log};
use crate::System;
use crate::system::{LogEvent, Mutable};

/// What came of the way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolledBack {
    /// Why it was taken back.
    pub why: String,
    /// Steps that could not be put back, and why not; the run stays open for them.
    pub left: Vec<(usize, String)>,
    /// Steps that nobody can undo.
    pub lost: Vec<usize>,
}

/// Takes back what the run did, from wherever it ended.
///
/// # Errors
/// When the journal cannot be written.
pub fn roll_back(
    machine: &mut dyn Mutable,
    journal: &mut Journal,
    why: &str,
    pace: Pace<'_>,
) -> Result<RolledBack, JournalError> {
    journal.add(Entry::GoingBack { why: why.to_owned() })?;
    let began = journal.began()?.clone();
    let steps: Vec<&Step> = began.plan.steps().collect();
    let mut result = RolledBack { why: why.to_owned(), left: Vec::new(), lost: Vec::new() };
    for (index, step) in steps.into_iter().enumerate().rev() {
        let Some(before) = journal.saved(index).cloned() else { continue };
        if !perform::can_go_back(&step.change) {
            result.lost.push(index);
            continue;
        }
        match perform::back(machine, journal, index, &step.change, &before) {
            Ok(()) => journal.add(Entry::PutBack { step: index })?,
            Err(Failed::Machine(why)) => {
                journal.add(Entry::NotPutBack { step: index, why: why.0.clone() })?;
                result.left.push((index, why.0));
            }
            Err(Failed::Journal(error)) => return Err(error),
        }
        pace(Point::PutBack(index));
    }
    if result.left.is_empty() {
        log(machine, journal, LogEvent::ROLLED_BACK)?;
        if let Err(why) = machine.forget_at_start(&began.run) {
            tracing::warn!("run {}: the task at the next start stays: {why}", began.run);
        }
        journal.add(Entry::Ended { outcome: Outcome::RolledBack })?;
    }
    pace(Point::Over);
    Ok(result)
}

/// Steps whose place somebody changed since: what stands there is neither what the run left nor what
/// was there before it, and the way back would take that change away as well.
pub fn changed_since(machine: &dyn Mutable, journal: &Journal) -> Result<Vec<usize>, JournalError> {
    let system: &dyn System = machine;
    let steps = journal.began()?.plan.steps().enumerate();
    let foreign = steps.filter(|(index, step)| {
        let Some(before) = journal.saved(*index).filter(|_| journal.is_done(*index)) else {
            return false;
        };
        let now = state::read(system, &step.change);
        perform::can_go_back(&step.change)
            && !state::wanted(&step.change, &now)
            && !state::same(&now, before)
    });
    Ok(foreign.map(|(index, _)| index).collect())
}
