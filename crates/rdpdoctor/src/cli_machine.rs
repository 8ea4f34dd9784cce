//! `host` and `client` on the command line.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::OutputArgs;
use crate::cli_fix::{ConfirmArgs, FixArgs, RollbackArgs, WatchRunArgs};

/// `host` and `client`.
#[derive(Debug, Args)]
#[command(args_override_self = true, args_conflicts_with_subcommands = true)]
pub struct MachineArgs {
    /// Another thing to do than to look and judge
    #[command(subcommand)]
    pub action: Option<MachineAction>,
    /// Which machine.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// How the answer is given.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Where the machine's facts are had; without any of it on the machine itself.
#[derive(Debug, Args)]
pub struct PlaceArgs {
    /// Judge facts that were collected on another machine
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub facts: Vec<PathBuf>,
    /// Look at the disk of a Windows that does not run: a folder where it is mounted, an image, a
    /// device
    #[arg(long, value_name = "DIR|IMAGE", conflicts_with = "facts")]
    pub disk: Option<PathBuf>,
    /// Whose settings on the disk; without it those of who signed in last
    #[arg(long, value_name = "NAME", requires = "disk")]
    pub profile: Option<String>,
    /// A machine that is made up and kept in a file: for tests
    #[arg(long, value_name = "FILE", hide = true, conflicts_with = "facts")]
    pub machine: Option<PathBuf>,
}

/// What else can be done.
#[derive(Debug, Subcommand)]
pub enum MachineAction {
    /// Collect the machine's facts and write them, to be judged elsewhere
    Collect(CollectArgs),
    /// Show what would be changed; --apply changes it, with a way back
    Fix(Box<FixArgs>),
    /// Let the changes of a run stay
    Confirm(ConfirmArgs),
    /// Take the changes of a run back
    Rollback(RollbackArgs),
    /// Carry a run out and look after it: the program starts this itself
    #[command(hide = true)]
    WatchRun(WatchRunArgs),
}

/// `host collect`.
#[derive(Debug, Args)]
pub struct CollectArgs {
    /// Write to this file (UTF-8) instead of standard output
    #[arg(short, long = "output", value_name = "FILE")]
    pub output: Option<PathBuf>,
}
