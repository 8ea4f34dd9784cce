//! The command line of `watch`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::{OutputArgs, Security, TrustLevel, duration, seconds};

/// `watch`.
#[derive(Debug, Args)]
#[command(
    args_override_self = true,
    after_help = "One line a change, and what all came to at the end or after Ctrl-C. With --json one line a try \
(\"event\": \"tick\") and one a silence (\"event\": \"idle\"); the last line is the document of the \
whole watch.\n\nExit codes: 0 worked throughout, 1 worked with a warning or broke in between, 2 fails \
at the end, 3 could not be tried or decided, or Ctrl-C before the first answer."
)]
pub struct WatchArgs {
    /// host, host:port, [v6]:port or a .rdp file
    pub target: String,
    /// How long to watch, at most 7 days (90s, 10m, 2h)
    #[arg(long = "for", value_name = "DURATION", default_value = "1h", value_parser = whole)]
    pub length: Duration,
    /// Time from one try to the next; never less than 5s
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub every: Duration,
    /// Hold no connection without a word to see whether something on the way forgets it
    #[arg(long)]
    pub no_idle: bool,
    /// What the client insists on; auto offers what mstsc offers
    #[arg(long, value_enum, default_value_t = Security::Auto)]
    pub security: Security,
    /// How certificate findings weigh: strict makes each block
    #[arg(long, value_enum, default_value_t = TrustLevel::Warn)]
    pub trust: TrustLevel,
    /// Go through this proxy (http, https, socks5, socks5h); without it through that of ALL_PROXY
    #[arg(long, value_name = "URL")]
    pub proxy: Option<String>,
    /// A list of bastions (TOML or JSON); without it the one in rdpdoctor's folder of settings
    #[arg(long, value_name = "FILE")]
    pub bastions: Option<PathBuf>,
    /// Longest time for one stage of a try
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub timeout: Option<Duration>,
    /// How the answer is given.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The longest watch: what is kept of it must have an end.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

fn whole(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|length| match length <= LONGEST {
        true => Ok(length),
        false => Err("at most 7 days (168h)".to_owned()),
    })
}
