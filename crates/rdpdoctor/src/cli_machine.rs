//! `host` and `client` on the command line.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::OutputArgs;
use crate::cli_fix::{ConfirmArgs, FixArgs, RollbackArgs, WatchRunArgs};
use crate::cli_remote::RemoteArgs;

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
    /// Another machine.
    #[command(flatten)]
    pub remote: RemoteArgs,
}

impl PlaceArgs {
    /// Whether it is the machine that this program runs on.
    pub fn is_here(&self) -> bool {
        self.facts.is_empty()
            && self.disk.is_none()
            && self.machine.is_none()
            && self.remote.host.is_none()
    }
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
#[command(args_override_self = true)]
pub struct CollectArgs {
    /// Which machine.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Print a PowerShell script that collects them, or how a cloud runs it: the exact commands
    /// (with -o also the file that they take)
    #[arg(
        long,
        value_enum,
        value_name = "CLOUD",
        num_args = 0..=1,
        default_missing_value = "powershell",
        conflicts_with_all = ["facts", "host"]
    )]
    pub script: Option<ScriptFor>,
    /// Numbered parts of at most 3.5 KB, the first of which decides, instead of a file of facts
    #[arg(long)]
    pub compact: bool,
    /// What is left when the cloud's agent does not answer
    #[arg(long, requires = "script")]
    pub agent_dead: bool,
    /// Write to this file (UTF-8) instead of standard output
    #[arg(short, long = "output", value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Who runs the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScriptFor {
    /// Whoever sits at the machine
    Powershell,
    /// Azure, Run Command
    Azure,
    /// AWS, Systems Manager
    #[value(alias = "aws")]
    Ssm,
    /// Google Cloud, a script at start
    #[value(alias = "gcloud")]
    Gcp,
    /// Intune, a remediation
    Intune,
}
