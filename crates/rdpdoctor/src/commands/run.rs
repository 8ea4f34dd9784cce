//! `host confirm` and `host rollback`: the end of a run.

use anyhow::{Context as _, ensure};
use rdpdoctor_host::changes::{
    self, Journal, Outcome, Phase, RolledBack, StateFolder, Watch, Watched, changed_since, confirm,
    roll_back, take_back_what_is_overdue,
};
use rdpdoctor_host::{Mutable, Side};
use rdpdoctor_report::repair::NotPutBack;
use rdpdoctor_report::{RepairDocument, RepairOutcome};

use super::fix::outcome;
use super::fix_remote;
use super::machine::not_windows;
use crate::cli_fix::{ConfirmArgs, RollbackArgs};
use crate::cli_machine::PlaceArgs;
use crate::repair::{self, Helper};

/// Says that a run may stay.
pub fn confirmed(side: Side, args: &ConfirmArgs) -> anyhow::Result<u8> {
    if args.place.remote.host.is_some() {
        return fix_remote::confirmed(side, args);
    }
    let mut machine = repair::machine(&args.place)?.with_context(|| not_windows(side))?;
    let state = repair::state_folder(args.state.folder.as_deref())?;
    let by = machine.user().as_seen().cloned().unwrap_or_else(|| "host confirm".to_owned());
    let watch = Watch { state: &state, run: &args.run };
    let watched = confirm(&mut *machine, &watch, &by, &mut |_| {})?;
    let journal = state.journal(&args.run)?;
    let document = match watched {
        Watched::RolledBack(Some(back)) => rolled_back(&args.run, &journal, &back)?,
        Watched::Kept | Watched::RolledBack(None) => as_it_stands(&args.run, &journal)?,
    };
    repair::deliver(&document, side, &args.output)
}

/// Takes a run back.
pub fn taken_back(side: Side, args: &RollbackArgs) -> anyhow::Result<u8> {
    if args.place.remote.host.is_some() {
        return fix_remote::taken_back(side, args);
    }
    let mut machine = repair::machine(&args.place)?.with_context(|| not_windows(side))?;
    let state = repair::state_folder(args.state.folder.as_deref())?;
    let run = match &args.run {
        Some(run) => run.clone(),
        None => newest(&state)?.context("there is no run to take back")?,
    };
    let document = take_back(&mut *machine, &state, &run, args.force)?;
    repair::deliver(&document, side, &args.output)
}

fn newest(state: &StateFolder) -> anyhow::Result<Option<String>> {
    for run in state.names()? {
        let phase = state.journal(&run).map(|journal| journal.phase());
        if phase.is_ok_and(|phase| phase != Phase::Ended(Outcome::RolledBack)) {
            return Ok(Some(run));
        }
    }
    Ok(None)
}

fn take_back(
    machine: &mut dyn Mutable,
    state: &StateFolder,
    run: &str,
    force: bool,
) -> anyhow::Result<RepairDocument> {
    let mut journal = state.journal(run)?;
    let _lock = state.lock(run)?;
    journal.refresh()?;
    let phase = journal.phase();
    if phase == Phase::Ended(Outcome::RolledBack) {
        return as_it_stands(run, &journal);
    }
    let foreign = changed_since(machine, &journal)?;
    if phase == Phase::Ended(Outcome::Kept) && !force {
        ensure!(
            foreign.is_empty(),
            "somebody changed step {} of run {run} since; --force takes that back as well",
            foreign.iter().map(|step| (step + 1).to_string()).collect::<Vec<_>>().join(", ")
        );
    }
    let back = roll_back(machine, &mut journal, "it was asked for", &mut |_| {})?;
    rolled_back(run, &journal, &back)
}

/// The answer about a run, as its journal has it.
pub fn as_it_stands(run: &str, journal: &Journal) -> anyhow::Result<RepairDocument> {
    let began = journal.began()?;
    let phase = journal.phase();
    let outcome = match &phase {
        Phase::Awaiting { .. } => RepairOutcome::AwaitingConfirmation,
        Phase::Confirmed => RepairOutcome::Applied,
        Phase::Ended(ended) => outcome(*ended),
        Phase::Applying | Phase::GoingBack => RepairOutcome::PartlyRolledBack,
    };
    let until = match phase {
        Phase::Awaiting { until, .. } => Some(until),
        _ => None,
    };
    let back = outcome == RepairOutcome::RolledBack;
    Ok(RepairDocument {
        run: Some(run.to_owned()),
        confirm_until: until,
        why: journal.why_back().filter(|_| back).map(str::to_owned),
        plan_sha256: began.plan_sha256.clone(),
        ..RepairDocument::new(outcome, Some(began.plan.clone()))
    })
}

/// The answer about a run that was taken back just now.
pub fn rolled_back(
    run: &str,
    journal: &Journal,
    back: &RolledBack,
) -> anyhow::Result<RepairDocument> {
    let outcome = if back.left.is_empty() {
        RepairOutcome::RolledBack
    } else {
        RepairOutcome::PartlyRolledBack
    };
    let left = back.left.iter().map(|(step, why)| NotPutBack { step: step + 1, why: why.clone() });
    Ok(RepairDocument {
        outcome,
        why: Some(back.why.clone()),
        not_put_back: left.collect(),
        ..as_it_stands(run, journal)?
    })
}

/// What was found of runs that are not over.
pub enum Settled {
    /// Taken back just now, and why.
    TakenBack(String, String),
    /// Cut off in the middle; somebody has to say whether it is finished or taken back.
    CutOff(String),
    /// It waits for its confirmation.
    Waiting(String),
}

/// Looks for runs that are not over. What is overdue is taken back; what waits is looked after.
pub fn settle(
    machine: &mut dyn Mutable,
    state: &StateFolder,
    side: Side,
    place: &PlaceArgs,
    afar: bool,
) -> anyhow::Result<Vec<Settled>> {
    let overdue = take_back_what_is_overdue(machine, state, &mut |_| {})?;
    let mut settled: Vec<Settled> =
        overdue.into_iter().map(|(run, back)| Settled::TakenBack(run, back.why)).collect();
    for (run, phase) in state.unfinished()? {
        let alone = state.try_watch(&run)?.is_some();
        match phase {
            changes::Phase::Awaiting { .. } => {
                if alone {
                    let file = place.machine.as_deref();
                    let arguments = Helper::arguments(side, &run, state.root(), file);
                    Helper::start(machine, &run, &arguments, false, afar)?;
                }
                settled.push(Settled::Waiting(run));
            }
            _ if alone => settled.push(Settled::CutOff(run)),
            _ => settled.push(Settled::Waiting(run)),
        }
    }
    Ok(settled)
}
