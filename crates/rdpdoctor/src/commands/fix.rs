//! `host fix`: what would be changed, and, after a yes, the change with its way back.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use rdpdoctor_host::changes::{
    self, Applied, Began, Journal, KnownFacts, Lock, Outcome, Phase, StateFolder, apply, chosen,
    drift, roll_back,
};
use rdpdoctor_host::system::WINRM_SESSION;
use rdpdoctor_host::{Mutable, Side, System};
use rdpdoctor_model::{Plan, Timestamp};
use rdpdoctor_report::render::plan::page;
use rdpdoctor_report::{CommandFiles, RepairDocument, RepairOutcome};
use sha2::{Digest as _, Sha256};

use super::run::{self, Settled, rolled_back};
use crate::cli_fix::FixArgs;
use crate::evidence_file;
use crate::output;
use crate::repair::{self, Helper, Probe};

/// Why a plan is not carried out that nobody agreed to.
pub(super) const NOBODY_SAID_YES: &str = "nobody said yes (--yes)";

/// Longest plan.
const LONGEST: u64 = 16 * 1024 * 1024;

/// Shows the plan, or carries it out.
pub fn run(side: Side, args: &FixArgs) -> anyhow::Result<u8> {
    if let Some(disk) = &args.place.disk {
        return super::fix_disk::run(side, args, disk);
    }
    ensure!(args.script_out.is_none(), "--script-out is for a machine that does not run (--disk)");
    let Some(machine) = repair::machine(&args.place)? else {
        return plan_only(side, args);
    };
    let mut job = Job { side, args, machine };
    let document = match (&args.finish, &args.apply) {
        (Some(run), _) => job.finish(run)?,
        (None, None) => job.show()?,
        (None, Some(file)) => job.apply(file.as_deref())?,
    };
    repair::deliver(&document, side, &args.output)
}

/// Collected facts can be planned for, never changed; another machine is changed by the program there.
fn plan_only(side: Side, args: &FixArgs) -> anyhow::Result<u8> {
    let changes = args.apply.is_some() || args.finish.is_some();
    if let Some(host) = args.place.remote.host.as_deref().filter(|_| changes) {
        return super::fix_remote::run(side, args, host);
    }
    let facts = super::machine::facts(side, &args.place)?;
    ensure!(!changes, "collected facts cannot be changed; run it on the machine itself");
    let plan = repair::plan_from(&facts, &KnownFacts(&facts.facts), args.even_if_policy);
    let document = planned(choose(&plan, args)?, None, args)?;
    repair::deliver(&document, side, &args.output)
}

/// A plan as the answer; written to files where that was asked for.
pub(super) fn planned(
    plan: Plan,
    command_files: Option<CommandFiles>,
    args: &FixArgs,
) -> anyhow::Result<RepairDocument> {
    let mut document = RepairDocument::new(outcome_of(&plan), Some(plan));
    document.command_files = command_files;
    if let Some(path) = &args.plan_out {
        let text = serde_json::to_string_pretty(&document.plan)? + "\n";
        let sum = sha256(text.as_bytes());
        output::write(path, &text)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        output::write(&path.with_extension("sha256"), &format!("{sum}  {name}\n"))?;
        document.plan_sha256 = Some(sum);
        output::write(&path.with_extension("html"), &page(&document)?)?;
    }
    Ok(document)
}

/// How a plan stands before anything is done.
pub(super) fn outcome_of(plan: &Plan) -> RepairOutcome {
    match (plan.fixes.is_empty(), plan.refused.is_empty()) {
        (false, _) => RepairOutcome::Planned,
        (true, false) => RepairOutcome::Refused,
        (true, true) => RepairOutcome::NothingToDo,
    }
}

pub(super) fn choose(plan: &Plan, args: &FixArgs) -> anyhow::Result<Plan> {
    chosen(plan, &args.only).map_err(|unknown| {
        let known: Vec<&str> = plan.fixes.iter().map(|fix| fix.id.as_str()).collect();
        anyhow::anyhow!(
            "no fix is named '{}'; the plan has: {}",
            unknown.escape_debug(),
            if known.is_empty() { "none".to_owned() } else { known.join(", ") }
        )
    })
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Job<'a> {
    side: Side,
    args: &'a FixArgs,
    machine: Box<dyn Mutable>,
}

impl Job<'_> {
    fn plan(&self, even_if_policy: bool) -> Plan {
        let system: &dyn System = &*self.machine;
        repair::plan(system, self.side, even_if_policy)
    }

    fn state(&self) -> anyhow::Result<StateFolder> {
        repair::state_folder(self.args.state.folder.as_deref())
    }

    /// The plan alone; nothing is written but what was asked for.
    fn show(&mut self) -> anyhow::Result<RepairDocument> {
        if let Some(unfinished) = self.unfinished()? {
            return Ok(unfinished);
        }
        planned(choose(&self.plan(self.args.even_if_policy), self.args)?, None, self.args)
    }

    /// A run that was cut off, or waits: nothing new before it is over.
    fn unfinished(&mut self) -> anyhow::Result<Option<RepairDocument>> {
        let state = self.state()?;
        let afar = self.is_afar();
        let settled = run::settle(&mut *self.machine, &state, self.side, &self.args.place, afar)?;
        for taken in &settled {
            if let Settled::TakenBack(run, why) = taken {
                output::complain(&format!("run {run} was taken back: {why}"));
            }
        }
        Ok(settled.into_iter().find_map(|open| match open {
            Settled::CutOff(run) => Some(refused(
                Some(run.clone()),
                format!(
                    "run {run} was cut off in the middle; finish it: rdpdoctor {0} fix --finish \
                     {run}; or go back: rdpdoctor {0} rollback {run}",
                    super::machine::name(self.side)
                ),
            )),
            Settled::Waiting(run) => Some(refused(
                Some(run.clone()),
                format!(
                    "run {run} waits for its confirmation: rdpdoctor {0} confirm {run}; or go back: \
                     rdpdoctor {0} rollback {run}",
                    super::machine::name(self.side)
                ),
            )),
            Settled::TakenBack(..) => None,
        }))
    }

    fn apply(&mut self, file: Option<&Path>) -> anyhow::Result<RepairDocument> {
        if let Some(unfinished) = self.unfinished()? {
            return Ok(unfinished);
        }
        let (plan, sum) = match file {
            None => (choose(&self.plan(self.args.even_if_policy), self.args)?, None),
            Some(path) => {
                let (approved, sum) = read_plan(path)?;
                let now = self.plan(approved.even_if_policy);
                let approved = choose(&approved, self.args)?;
                let drift = drift(&approved, &now);
                if !drift.is_empty() {
                    let why =
                        format!("the machine is not as the plan has it: {}", drift.join("; "));
                    return Ok(RepairDocument {
                        plan_sha256: Some(sum),
                        plan: Some(approved),
                        ..refused(None, why)
                    });
                }
                (approved, Some(sum))
            }
        };
        if plan.fixes.is_empty() {
            return Ok(RepairDocument::new(outcome_of(&plan), Some(plan)));
        }
        if let Some(why) = self.reason_against(&plan) {
            return Ok(RepairDocument { plan_sha256: sum, plan: Some(plan), ..refused(None, why) });
        }
        self.carry_out(plan, sum)
    }

    /// Why the plan is not carried out now.
    fn reason_against(&self, plan: &Plan) -> Option<String> {
        if let Some(moment) = self.args.not_before.filter(|moment| Timestamp::now() < *moment) {
            return Some(format!("it is not to be carried out before {moment}"));
        }
        if self.machine.elevated() == Some(false) {
            return Some("it takes the rights of an administrator".to_owned());
        }
        if let Some(way) = self.came_by().filter(|_| self.args.no_confirm) {
            return Some(format!(
                "you are here by {way}: without a confirmation you may be cut off"
            ));
        }
        let agreed = self.args.yes || confirmed(plan, self.side);
        (!agreed).then(|| NOBODY_SAID_YES.to_owned())
    }

    /// By which way the caller came, where it could be cut. Who comes over WinRM says so himself as well:
    /// the processes in between may be gone.
    fn came_by(&self) -> Option<String> {
        let says = || self.args.from_afar.then(|| WINRM_SESSION.to_owned());
        self.machine.came_by().or_else(says)
    }

    /// Whether what is started here ends with the caller's session.
    fn is_afar(&self) -> bool {
        self.args.from_afar || self.came_by().as_deref() == Some(WINRM_SESSION)
    }

    fn carry_out(&mut self, plan: Plan, sum: Option<String>) -> anyhow::Result<RepairDocument> {
        let came_by = self.came_by();
        let touches =
            plan.certain_steps().any(|step| step.way_in.is_some()) || !plan.escalation.is_empty();
        let confirm = (touches && !self.args.no_confirm) || came_by.is_some();
        let began = Began {
            run: String::new(),
            who: self.machine.user().as_seen().cloned(),
            came_by,
            ticket: self.args.change.clone(),
            plan_sha256: sum,
            confirm_within: confirm.then_some(self.args.confirm_within.as_secs()),
            plan,
        };
        let state = self.state()?;
        let (run, journal) = state.begin(began)?;
        if self.args.from_afar {
            repair::say_begun(&run);
        }
        self.go_on(&state, &run, journal)
    }

    fn finish(&mut self, run: &str) -> anyhow::Result<RepairDocument> {
        let state = self.state()?;
        let journal = state.journal(run)?;
        match journal.phase() {
            Phase::Applying => self.go_on(&state, run, journal),
            Phase::Ended(_) | Phase::Confirmed => {
                bail!("run {run} is over; there is nothing to finish")
            }
            Phase::Awaiting { .. } | Phase::GoingBack => {
                bail!("run {run} is past its changes; confirm it or take it back")
            }
        }
    }

    /// Carries out what is left of a run: by a process of its own where it has to be confirmed.
    fn go_on(
        &mut self,
        state: &StateFolder,
        run: &str,
        mut journal: Journal,
    ) -> anyhow::Result<RepairDocument> {
        let arguments =
            Helper::arguments(self.side, run, state.root(), self.args.place.machine.as_deref());
        if journal.began()?.confirm_within.is_none() {
            let _held = Held::of(state, run)?;
            journal.refresh()?;
            let applied =
                apply(&mut *self.machine, &mut Probe, &mut journal, &arguments, &mut |_| {})?;
            return document(run, &journal, applied);
        }
        let afar = self.is_afar();
        let mut helper = match Helper::start(&mut *self.machine, run, &arguments, true, afar) {
            Ok(helper) => helper,
            Err(why) => return self.go_back(state, run, journal, &format!("{why:#}")),
        };
        let phase = helper.follow(state, &mut journal)?;
        if matches!(phase, Phase::Applying | Phase::GoingBack | Phase::Confirmed) {
            // It was ended from outside; whoever is still here goes back.
            let why = "the process that carried it out was ended";
            return self.go_back(state, run, journal, why);
        }
        run::as_it_stands(run, &journal)
    }

    fn go_back(
        &mut self,
        state: &StateFolder,
        run: &str,
        mut journal: Journal,
        why: &str,
    ) -> anyhow::Result<RepairDocument> {
        let _held = Held::of(state, run)?;
        journal.refresh()?;
        let back = roll_back(&mut *self.machine, &mut journal, why, &mut |_| {})?;
        rolled_back(run, &journal, &back)
    }
}

/// Asks on the terminal, where there is one.
pub(super) fn confirmed(plan: &Plan, side: Side) -> bool {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return false;
    }
    let document = RepairDocument::new(RepairOutcome::Planned, Some(plan.clone()));
    let shown = rdpdoctor_report::render::plan::terminal(
        &document,
        super::machine::name(side),
        output::style(None, true),
        rdpdoctor_report::render::terminal::DEFAULT_WIDTH,
    );
    let mut to = std::io::stderr();
    let asked = write!(to, "{shown}\nCarry it out? Type yes: ").and_then(|()| to.flush());
    let mut answer = String::new();
    asked.is_ok()
        && std::io::stdin().read_line(&mut answer).is_ok()
        && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

/// The rights to change the machine for a run.
struct Held {
    _watch: Lock,
    _lock: Lock,
}

impl Held {
    fn of(state: &StateFolder, run: &str) -> anyhow::Result<Self> {
        let watch = state.try_watch(run)?;
        let watch = watch.with_context(|| format!("somebody else is at work on run {run}"))?;
        Ok(Self { _watch: watch, _lock: state.lock(run)? })
    }
}

fn document(run: &str, journal: &Journal, applied: Applied) -> anyhow::Result<RepairDocument> {
    match applied {
        Applied::RolledBack(back) => rolled_back(run, journal, &back),
        Applied::Kept | Applied::Awaiting(_) => run::as_it_stands(run, journal),
    }
}

pub(super) fn refused(run: Option<String>, why: String) -> RepairDocument {
    RepairDocument { run, why: Some(why), ..RepairDocument::new(RepairOutcome::Refused, None) }
}

/// An approved plan, and its file's SHA-256.
fn read_plan(path: &Path) -> anyhow::Result<(Plan, String)> {
    let (plan, bytes) = plan_file(path)?;
    Ok((plan, sha256(&bytes)))
}

/// An approved plan, and its file.
pub(super) fn plan_file(path: &Path) -> anyhow::Result<(Plan, Vec<u8>)> {
    let name = path.display().to_string();
    let bytes = evidence_file::bytes(path, LONGEST + 1)?;
    ensure!(bytes.len() as u64 <= LONGEST, "{name} is longer than any plan");
    let plan: Plan = serde_json::from_slice(&bytes)
        .map_err(|why| anyhow::anyhow!("{name} is no plan: {why}"))?;
    ensure!(
        plan.version == Plan::VERSION,
        "{name} has form {}, and this version carries out form {}",
        plan.version,
        Plan::VERSION
    );
    Ok((plan, bytes))
}

/// The outcome of a run that is over.
pub fn outcome(outcome: Outcome) -> RepairOutcome {
    match outcome {
        Outcome::Kept => RepairOutcome::Applied,
        Outcome::RolledBack => RepairOutcome::RolledBack,
    }
}

/// The process that carries a run out, and looks after it.
pub fn watch_run(side: Side, args: &crate::cli_fix::WatchRunArgs) -> anyhow::Result<u8> {
    repair::own_session();
    let mut machine =
        repair::machine(&args.place)?.with_context(|| super::machine::not_windows(side))?;
    let state = repair::state_folder(args.state.folder.as_deref())?;
    let Some(_watch) = state.try_watch(&args.run)? else { return Ok(0) };
    if args.begin {
        let _lock = state.lock(&args.run)?;
        let mut journal = state.journal(&args.run)?;
        if journal.phase() == Phase::Applying {
            let machine_file = args.place.machine.as_deref();
            let at_start = Helper::arguments(side, &args.run, state.root(), machine_file);
            apply(&mut *machine, &mut Probe, &mut journal, &at_start, &mut |_| {})?;
        }
    }
    let watch = changes::Watch { state: &state, run: &args.run };
    match changes::watch(&mut *machine, &watch, &mut |_| {})? {
        changes::Watched::Kept => Ok(0),
        changes::Watched::RolledBack(_) => Ok(2),
    }
}
