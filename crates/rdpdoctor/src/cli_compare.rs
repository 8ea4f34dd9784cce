//! The command line of `compare`.

use std::path::PathBuf;

use clap::Args;

/// `compare`.
#[derive(Debug, Args)]
#[command(
    args_override_self = true,
    override_usage = "rdpdoctor compare [OPTIONS] A B\n       rdpdoctor compare [OPTIONS] --good F... --bad F...",
    after_help = "Exit codes: 0 no difference that matters, 1 differences, 3 cannot compare.\nTimes, ids and round trips within noise are no difference."
)]
pub struct CompareArgs {
    /// Two documents saved with check --json -o
    #[arg(value_name = "FILE", num_args = 2, conflicts_with_all = ["good", "bad"], required_unless_present_any = ["good", "bad"])]
    pub files: Vec<PathBuf>,
    /// Documents of runs that went well; of a watch its tries that did
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "bad")]
    pub good: Vec<PathBuf>,
    /// Documents of runs that did not; of a watch its tries that did not
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "good")]
    pub bad: Vec<PathBuf>,
    /// How the answer is given.
    #[command(flatten)]
    pub output: ComparisonOutput,
}

/// How a comparison is given.
#[derive(Debug, Args)]
pub struct ComparisonOutput {
    /// One JSON document on standard output
    #[arg(long)]
    pub json: bool,
    /// Write the answer to this file (UTF-8) instead of standard output
    #[arg(short, long = "output", value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Also write one self-contained page to this file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Replace users, domains, hosts, addresses and serials by stable pseudonyms, in every output
    #[arg(long)]
    pub mask: bool,
    /// All differences, findings and steps
    #[arg(long)]
    pub details: bool,
    /// No progress on standard error (there is none)
    #[arg(long)]
    pub quiet: bool,
    /// No colours
    #[arg(long)]
    pub no_color: bool,
}
