//! `host fix`, `host confirm`, `host rollback` on the command line, and the same of `client`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use rdpdoctor_model::Timestamp;

use crate::cli::duration;
use crate::cli_machine::PlaceArgs;
use crate::cli_remote::FarArgs;

/// Longest name of a ticket.
const LONGEST_TICKET: usize = 200;

/// `host fix`.
#[derive(Debug, Args)]
#[command(args_override_self = true, after_help = CODES)]
pub struct FixArgs {
    /// Which machine.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Carry the plan out; with a file, exactly the plan that was approved
    #[arg(long, value_name = "PLAN.json", num_args = 0..=1)]
    pub apply: Option<Option<PathBuf>>,
    /// Write the plan to this file, and beside it its SHA-256 and a page for approval
    #[arg(long, value_name = "PLAN.json", conflicts_with_all = ["apply", "mask"])]
    pub plan_out: Option<PathBuf>,
    /// With --disk: write the changes as a command file for a recovery environment, and beside it the
    /// one that takes them back
    #[arg(long, value_name = "FILE.cmd", conflicts_with_all = ["apply", "mask"])]
    pub script_out: Option<PathBuf>,
    /// Only these fixes, by their causes
    #[arg(long, value_name = "ID", num_args = 1..)]
    pub only: Vec<String>,
    /// The change ticket, for the journal and the event log
    #[arg(long, value_name = "TICKET", value_parser = ticket)]
    pub change: Option<String>,
    /// Refuse before this moment (RFC 3339, such as 2026-11-21T22:00:00Z)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub not_before: Option<Timestamp>,
    /// Do not ask before anything is changed
    #[arg(long)]
    pub yes: bool,
    /// Overrule what a policy owns until its next refresh undoes it
    #[arg(long)]
    pub even_if_policy: bool,
    /// Take the changes back unless they are confirmed within this time
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    pub confirm_within: Duration,
    /// Keep the changes without a confirmation; only for who sits at the machine itself
    #[arg(long)]
    pub no_confirm: bool,
    /// Finish a run that was cut off in the middle
    #[arg(long, value_name = "RUN", conflicts_with_all = ["apply", "plan_out", "only"])]
    pub finish: Option<String>,
    /// The caller is on another machine, and his session ends with the connection: as if this was seen
    #[arg(long, hide = true)]
    pub from_afar: bool,
    /// On another machine.
    #[command(flatten)]
    pub far: FarArgs,
    /// Where runs are kept.
    #[command(flatten)]
    pub state: StateArgs,
    /// How the answer is given.
    #[command(flatten)]
    pub output: RepairOutputArgs,
}

/// `host confirm`.
#[derive(Debug, Args)]
#[command(after_help = CODES)]
pub struct ConfirmArgs {
    /// The run, as host fix named it
    pub run: String,
    /// Which machine.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// On another machine.
    #[command(flatten)]
    pub far: FarArgs,
    /// Where runs are kept.
    #[command(flatten)]
    pub state: StateArgs,
    /// How the answer is given.
    #[command(flatten)]
    pub output: RepairOutputArgs,
}

/// `host rollback`.
#[derive(Debug, Args)]
#[command(after_help = CODES)]
pub struct RollbackArgs {
    /// The run; without it the newest one that is not taken back
    pub run: Option<String>,
    /// Also where somebody changed the same since
    #[arg(long)]
    pub force: bool,
    /// Which machine.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// On another machine.
    #[command(flatten)]
    pub far: FarArgs,
    /// Where runs are kept.
    #[command(flatten)]
    pub state: StateArgs,
    /// How the answer is given.
    #[command(flatten)]
    pub output: RepairOutputArgs,
}

/// The process that carries a run out and takes it back.
#[derive(Debug, Args)]
pub struct WatchRunArgs {
    /// The run
    pub run: String,
    /// Carry it out first
    #[arg(long)]
    pub begin: bool,
    /// Which machine.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Where runs are kept.
    #[command(flatten)]
    pub state: StateArgs,
}

/// Where runs are kept.
#[derive(Debug, Args)]
pub struct StateArgs {
    /// Folder of the journals and backups
    #[arg(long = "state", value_name = "DIR")]
    pub folder: Option<PathBuf>,
}

/// How a repair's answer is given.
#[derive(Debug, Args)]
pub struct RepairOutputArgs {
    /// One JSON document on standard output
    #[arg(long)]
    pub json: bool,
    /// Write the answer to this file (UTF-8) instead of standard output
    #[arg(short, long = "output", value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Also write one self-contained page to this file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Replace users, domains, hosts, addresses and SIDs by stable pseudonyms
    #[arg(long)]
    pub mask: bool,
    /// No progress on standard error
    #[arg(long)]
    pub quiet: bool,
    /// No colours
    #[arg(long)]
    pub no_color: bool,
}

const CODES: &str = "Exit codes: 0 applied and verified, 1 applied and not yet confirmed, 2 rolled \
                     back, 3 refused or nothing changed.";

fn ticket(text: &str) -> Result<String, String> {
    let fine = !text.is_empty() && text.chars().count() <= LONGEST_TICKET;
    if fine && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(format!("1 to {LONGEST_TICKET} characters on one line"))
}

fn moment(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "a moment such as 2026-11-21T22:00:00Z".to_owned())
}
