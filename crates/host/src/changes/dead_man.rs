//! The dead man's switch: changes that touch the way in stay only if somebody says so, or comes in
//! from outside. Otherwise they are taken back, also after a restart of the machine.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdpdoctor_model::Timestamp;

use super::journal::{Entry, Journal, Outcome, Phase};
use super::rollback::{RolledBack, roll_back};
use super::runs::{RunsError, StateFolder};
use super::told::Pace;
use crate::System;
use crate::system::Mutable;

/// How often it is looked whether somebody confirmed.
const LOOK: Duration = Duration::from_millis(250);

/// WTSActive.
const ACTIVE: u32 = 0;

/// What the wait came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    /// It stays.
    Kept,
    /// It was taken back: here, or by somebody else before.
    RolledBack(Option<RolledBack>),
}

/// What is waited for, and where.
pub struct Watch<'a> {
    /// Where runs are.
    pub state: &'a StateFolder,
    /// The run.
    pub run: &'a str,
}

/// Waits for the confirmation of a run and takes the run back without it. A run that nobody finished
/// is taken back at once.
///
/// # Errors
/// When the journal cannot be used.
pub fn watch(
    machine: &mut dyn Mutable,
    watch: &Watch<'_>,
    pace: Pace<'_>,
) -> Result<Watched, RunsError> {
    let known = outside(machine);
    let mut journal = watch.state.journal(watch.run)?;
    let mut limit = None;
    loop {
        {
            let _lock = watch.state.lock(watch.run)?;
            journal.refresh()?;
            if let Some(over) = look(machine, &mut journal, &known, &mut limit, pace)? {
                return Ok(over);
            }
        }
        std::thread::sleep(LOOK);
    }
}

/// Looks once, and does what is due.
fn look(
    machine: &mut dyn Mutable,
    journal: &mut Journal,
    known: &BTreeSet<String>,
    limit: &mut Option<Instant>,
    pace: Pace<'_>,
) -> Result<Option<Watched>, RunsError> {
    let phase = journal.phase();
    let Phase::Awaiting { until, .. } = &phase else {
        return match phase {
            Phase::Ended(Outcome::Kept) => Ok(Some(Watched::Kept)),
            Phase::Ended(Outcome::RolledBack) => Ok(Some(Watched::RolledBack(None))),
            Phase::Confirmed => {
                keep(machine, journal, None)?;
                Ok(Some(Watched::Kept))
            }
            _ => back(machine, journal, "it was cut off in the middle", pace),
        };
    };
    // The clock of the machine may be set meanwhile; the one that only goes on counts as well.
    let left = until.millis_since(Timestamp::now()).max(0);
    let left = Duration::from_millis(u64::try_from(left).unwrap_or(u64::MAX));
    let limit = *limit.get_or_insert_with(|| Instant::now() + left);
    if let Some(why) = overdue(machine, &phase)
        .or_else(|| (Instant::now() >= limit).then(|| NOT_CONFIRMED.to_owned()))
    {
        return back(machine, journal, &why, pace);
    }
    if let Some(from) = outside(machine).difference(known).next() {
        keep(machine, journal, Some(&format!("a connection from {from}")))?;
        return Ok(Some(Watched::Kept));
    }
    Ok(None)
}

fn back(
    machine: &mut dyn Mutable,
    journal: &mut Journal,
    why: &str,
    pace: Pace<'_>,
) -> Result<Option<Watched>, RunsError> {
    let result = roll_back(machine, journal, why, pace)?;
    Ok(Some(Watched::RolledBack(Some(result))))
}

const NOT_CONFIRMED: &str = "nobody confirmed it in time";

/// Why a run that waits is to be taken back now.
fn overdue(machine: &dyn Mutable, phase: &Phase) -> Option<String> {
    let Phase::Awaiting { until, boot } = phase else { return None };
    if boot.is_some() && machine.boot().as_seen() != boot.as_ref() {
        return Some("the machine was started anew before anybody confirmed it".to_owned());
    }
    (Timestamp::now() >= *until).then(|| NOT_CONFIRMED.to_owned())
}

/// Connections from outside, by their station and address. Each new connection gets a new station.
fn outside(machine: &dyn Mutable) -> BTreeSet<String> {
    let system: &dyn System = machine;
    let sessions = system.sessions();
    let active = sessions.as_seen().into_iter().flatten().filter(|s| s.state == ACTIVE);
    active
        .filter_map(|session| {
            let address = session.client_address.filter(|address| !address.is_loopback())?;
            Some(format!("{address} ({})", session.station))
        })
        .collect()
}

fn keep(
    machine: &mut dyn Mutable,
    journal: &mut Journal,
    by: Option<&str>,
) -> Result<(), RunsError> {
    if let Some(by) = by {
        journal.add(Entry::Confirmed { by: by.to_owned() })?;
    }
    let run = journal.began()?.run.clone();
    if let Err(why) = machine.forget_at_start(&run) {
        tracing::warn!("run {run}: the task at the next start stays: {why}");
    }
    journal.add(Entry::Ended { outcome: Outcome::Kept })?;
    Ok(())
}

/// Says that a run may stay.
///
/// # Errors
/// When there is no such run, or its journal cannot be used.
pub fn confirm(
    machine: &mut dyn Mutable,
    watch: &Watch<'_>,
    by: &str,
    pace: Pace<'_>,
) -> Result<Watched, RunsError> {
    let mut journal = watch.state.journal(watch.run)?;
    let _lock = watch.state.lock(watch.run)?;
    journal.refresh()?;
    let phase = journal.phase();
    if let Some(why) = overdue(machine, &phase) {
        return Ok(Watched::RolledBack(Some(roll_back(machine, &mut journal, &why, pace)?)));
    }
    match phase {
        Phase::Awaiting { .. } => keep(machine, &mut journal, Some(by))?,
        Phase::Confirmed => keep(machine, &mut journal, None)?,
        Phase::Ended(Outcome::Kept) => {}
        Phase::Ended(Outcome::RolledBack) => return Ok(Watched::RolledBack(None)),
        // Its verification is not done: there is nothing yet that could be confirmed.
        Phase::Applying | Phase::GoingBack => {
            let why = "it was cut off in the middle, so there is nothing to confirm";
            return Ok(Watched::RolledBack(Some(roll_back(machine, &mut journal, why, pace)?)));
        }
    }
    Ok(Watched::Kept)
}

/// Takes back what waits for nobody: the time is over, or the machine was started anew, and no
/// process looks after it. Answers with the runs that were taken back.
///
/// # Errors
/// When a journal cannot be used.
pub fn take_back_what_is_overdue(
    machine: &mut dyn Mutable,
    state: &StateFolder,
    pace: Pace<'_>,
) -> Result<Vec<(String, RolledBack)>, RunsError> {
    let mut taken = Vec::new();
    for (run, _) in state.unfinished()? {
        let Some(_watch) = state.try_watch(&run)? else { continue };
        let _lock = state.lock(&run)?;
        let mut journal = state.journal(&run)?;
        if let Some(why) = overdue(machine, &journal.phase()) {
            let result = roll_back(machine, &mut journal, &why, pace)?;
            taken.push((run, result));
        }
    }
    Ok(taken)
}
