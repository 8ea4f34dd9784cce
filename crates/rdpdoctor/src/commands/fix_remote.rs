//! `host fix --remote --apply`, `host confirm --remote`, `host rollback --remote`: the program does it on
//! that machine, with its journal and its dead man's switch; here it is asked for, and tried from outside.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use rdpdoctor_host::Side;
use rdpdoctor_host::changes::{Handshake, KnownFacts};
use rdpdoctor_model::{Plan, Timestamp};
use rdpdoctor_report::document::SCHEMA_VERSION;
use rdpdoctor_report::repair::{Outside, There};
use rdpdoctor_report::{RepairDocument, RepairOutcome};

use super::fix::{
    NOBODY_SAID_YES, choose, confirmed as agreed, outcome_of, plan_file, refused, sha256,
};
use crate::cli_fix::{ConfirmArgs, FixArgs, RollbackArgs, StateArgs};
use crate::cli_machine::PlaceArgs;
use crate::cli_remote::FarArgs;
use crate::far::{Came, Far, Program};
use crate::output;
use crate::remote::{self, Asker};
use crate::repair;

/// Carries a plan out on another machine, or finishes a run there.
pub fn run(side: Side, args: &FixArgs, host: &str) -> anyhow::Result<u8> {
    ensure!(
        side == Side::Host,
        "what a client is set to is its user's: sign in at {host} and run there: rdpdoctor client fix \
         --apply"
    );
    ensure!(
        !args.no_confirm,
        "you are not at {host}: without a confirmation you may be cut off (--no-confirm)"
    );
    let there = OtherMachine::of(&args.place, &args.far, &args.state)?;
    let document = match (&args.finish, &args.apply) {
        (Some(run), _) => there.begin(args.output.quiet)?.finish(run, args)?,
        (None, file) => apply(&there, args, file.as_ref().and_then(Option::as_deref))?,
    };
    repair::deliver(&document, side, &args.output)
}

/// Lets a run stay there.
pub fn confirmed(side: Side, args: &ConfirmArgs) -> anyhow::Result<u8> {
    let there = OtherMachine::of(&args.place, &args.far, &args.state)?;
    let document = there.begin(args.output.quiet)?.confirm(&args.run)?;
    repair::deliver(&document, side, &args.output)
}

/// Takes a run back there.
pub fn taken_back(side: Side, args: &RollbackArgs) -> anyhow::Result<u8> {
    let there = OtherMachine::of(&args.place, &args.far, &args.state)?;
    let mut words = vec!["rollback"];
    words.extend(args.run.as_deref());
    words.push("--json");
    if args.force {
        words.push("--force");
    }
    let document = there.begin(args.output.quiet)?.told(side, &words, None, args.run.as_deref())?;
    repair::deliver(&document, side, &args.output)
}

/// The machine of the command line, and the program that goes there.
struct OtherMachine<'a> {
    host: &'a str,
    place: &'a PlaceArgs,
    far: &'a FarArgs,
}

impl<'a> OtherMachine<'a> {
    fn of(place: &'a PlaceArgs, far: &'a FarArgs, state: &StateArgs) -> anyhow::Result<Self> {
        let host = place.remote.host.as_deref().context("--remote names no machine")?;
        ensure!(
            state.folder.is_none(),
            "--state is a folder of this machine; a run of {host} is kept there"
        );
        Ok(Self { host, place, far })
    }

    /// The program is looked at before anybody says a password.
    fn begin(&self, quiet: bool) -> anyhow::Result<Work<'a>> {
        let program = Program::read(self.far.program.as_deref())?;
        let asker = Asker::new(self.host, &self.place.remote, quiet)?;
        Ok(Work { host: self.host, far: Far::new(asker, program) })
    }
}

/// What was agreed to, carried out.
fn apply(
    there: &OtherMachine<'_>,
    args: &FixArgs,
    file: Option<&Path>,
) -> anyhow::Result<RepairDocument> {
    let approved = file.map(plan_file).transpose()?;
    let mut work = there.begin(args.output.quiet)?;
    let (plan, bytes) = match approved {
        Some((plan, bytes)) => (choose(&plan, args)?, bytes),
        None => {
            let facts = work.far.asker().facts(Side::Host)?;
            let known = KnownFacts(&facts.facts);
            let plan = choose(&repair::plan_from(&facts, &known, args.even_if_policy), args)?;
            let bytes = serde_json::to_vec_pretty(&plan)?;
            (plan, bytes)
        }
    };
    if plan.fixes.is_empty() {
        return Ok(RepairDocument::new(outcome_of(&plan), Some(plan)));
    }
    let why = match args.not_before.filter(|moment| Timestamp::now() < *moment) {
        Some(moment) => Some(format!("it is not to be carried out before {moment}")),
        None if args.yes || work.far.asker().suspended(|| agreed(&plan, Side::Host)) => None,
        None => Some(NOBODY_SAID_YES.to_owned()),
    };
    if let Some(why) = why {
        let plan_sha256 = Some(sha256(&bytes));
        return Ok(RepairDocument { plan_sha256, plan: Some(plan), ..refused(None, why) });
    }
    work.carry_out(plan, &bytes, args)
}

/// The work there.
struct Work<'a> {
    host: &'a str,
    far: Far,
}

impl Work<'_> {
    fn carry_out(
        &mut self,
        plan: Plan,
        bytes: &[u8],
        args: &FixArgs,
    ) -> anyhow::Result<RepairDocument> {
        let mut words = vec!["fix", "--apply", "plan.json", "--yes", "--json", "--from-afar"];
        let within = format!("{}s", args.confirm_within.as_secs().max(1));
        words.extend(["--confirm-within", &within]);
        if args.even_if_policy {
            words.push("--even-if-policy");
        }
        // With `=`: what begins with a hyphen is no option.
        let change = args.change.as_ref().map(|ticket| format!("--change={ticket}"));
        words.extend(change.as_deref());
        let not_before = args.not_before.map(|moment| moment.to_string());
        if let Some(moment) = &not_before {
            words.extend(["--not-before", moment]);
        }
        for id in &args.only {
            words.extend(["--only", id]);
        }
        let mut document = self.told(Side::Host, &words, Some(bytes), None)?;
        if document.plan.is_none() {
            document.plan = Some(plan.clone());
        }
        if document.there.as_ref().is_some_and(|there| there.line_lost.is_some()) {
            document.plan_sha256 = Some(sha256(bytes));
            document.why = Some(switch_fires(&document, self.host, &within));
        }
        self.tried_from_here(document, plan.handshake_port)
    }

    fn finish(&mut self, run: &str, args: &FixArgs) -> anyhow::Result<RepairDocument> {
        ensure!(repair::is_run(run), "there is no run '{}'", run.escape_debug());
        let within = format!("{}s", args.confirm_within.as_secs().max(1));
        let words = ["fix", "--finish", run, "--json", "--from-afar"];
        let mut document = self.told(Side::Host, &words, None, Some(run))?;
        if document.there.as_ref().is_some_and(|there| there.line_lost.is_some()) {
            document.why = Some(switch_fires(&document, self.host, &within));
        }
        let port = document.plan.as_ref().and_then(|plan| plan.handshake_port);
        self.tried_from_here(document, port)
    }

    fn confirm(&mut self, run: &str) -> anyhow::Result<RepairDocument> {
        ensure!(repair::is_run(run), "there is no run '{}'", run.escape_debug());
        self.told(Side::Host, &["confirm", run, "--json"], None, Some(run))
    }

    /// A handshake from here is the probe from outside: what passes it is confirmed. What does not is left
    /// to whoever can get in, and to the switch.
    fn tried_from_here(
        &mut self,
        mut document: RepairDocument,
        port: Option<u16>,
    ) -> anyhow::Result<RepairDocument> {
        let lost = document.there.as_ref().is_none_or(|there| there.line_lost.is_some());
        let waits = document.outcome == RepairOutcome::AwaitingConfirmation && !lost;
        let (Some(port), Some(run), true) = (port, document.run.clone(), waits) else {
            return Ok(document);
        };
        self.far.asker().if_stopped(format!(
            "stopped; what run {run} changed on {0} is taken back there unless it is confirmed: rdpdoctor \
             host confirm {run} --remote {0}",
            self.host
        ));
        let failed = match repair::outside(self.far.asker().host(), port) {
            Handshake::Passed => None,
            Handshake::Failed(why) => Some(why),
            Handshake::NotTried => return Ok(document),
        };
        let outside = Some(Outside { port, failed });
        if outside.as_ref().is_some_and(|outside| outside.failed.is_none()) {
            match self.confirm(&run) {
                Ok(confirmed) if confirmed.outcome != RepairOutcome::AwaitingConfirmation => {
                    let plan_sha256 = document.plan_sha256.take();
                    document = RepairDocument { plan_sha256, ..confirmed };
                }
                Ok(lost) => document.why = lost.why,
                Err(why) => document.why = Some(format!("it could not be confirmed: {why:#}")),
            }
        }
        if let Some(there) = &mut document.there {
            there.outside = outside;
        }
        Ok(document)
    }

    /// What the program there answers to a command.
    fn told(
        &mut self,
        side: Side,
        words: &[&str],
        plan: Option<&[u8]>,
        run: Option<&str>,
    ) -> anyhow::Result<RepairDocument> {
        let mut arguments = vec![side.name().to_owned()];
        arguments.extend(words.iter().map(|word| (*word).to_owned()));
        let mut there = There {
            host: self.host.to_owned(),
            by: None,
            program_sha256: self.far.sha256().to_owned(),
            copied: false,
            line_lost: None,
            outside: None,
        };
        let came = self.far.run(&arguments, plan)?;
        there.by = self.far.way().as_ref().map(remote::way);
        there.copied = self.far.copied();
        match came {
            Came::Answer { wrote, complaints } => {
                let document = self.read(&wrote, &complaints)?;
                Ok(RepairDocument { there: Some(there), ..document })
            }
            Came::Lost { run: begun, why } => {
                there.line_lost = Some(why.clone());
                let outcome = RepairOutcome::AwaitingConfirmation;
                Ok(RepairDocument {
                    run: begun.or_else(|| run.map(str::to_owned)),
                    why: Some(format!("{why}; what became of it there is not known")),
                    there: Some(there),
                    ..RepairDocument::new(outcome, None)
                })
            }
        }
    }

    /// The answer of the program there; nothing of it is a command here but the name of the run.
    fn read(&self, bytes: &[u8], complaints: &[String]) -> anyhow::Result<RepairDocument> {
        let host = self.host;
        if bytes.is_empty() {
            let why = complaints.last().map_or("the program there gave no answer", String::as_str);
            bail!("{host}: {why}");
        }
        for complaint in complaints {
            output::complain(&format!("{host}: {complaint}"));
        }
        let document: RepairDocument = serde_json::from_slice(bytes).map_err(|why| {
            anyhow::anyhow!("{host}: what the program there wrote is no answer: {why}")
        })?;
        ensure!(
            document.schema_version == SCHEMA_VERSION,
            "{host}: the program there answers in another form"
        );
        let run = document.run.as_deref();
        ensure!(
            run.is_none_or(repair::is_run),
            "{host}: the program there names no run as its run"
        );
        Ok(document)
    }
}

/// What happens there when nobody hears of it any more.
fn switch_fires(document: &RepairDocument, host: &str, within: &str) -> String {
    let lost = document.there.as_ref().and_then(|there| there.line_lost.as_deref());
    let lost = lost.unwrap_or("the line was lost");
    let begun = match &document.run {
        Some(run) => format!("run {run} has begun on {host}"),
        None => format!("whether a run has begun on {host} is not known"),
    };
    format!(
        "{lost}; {begun}: what it changes is taken back there by itself {within} after it was done, or when \
         the machine is started anew, unless it is confirmed or somebody comes in from outside"
    )
}
