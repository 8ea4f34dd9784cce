//! `rdpdoctor`: says why a Remote Desktop connection fails, with its evidence, and what to change.

mod bastion_list;
mod capture;
mod cli;
mod cli_compare;
mod cli_fix;
mod cli_machine;
mod cli_remote;
mod cli_watch;
mod commands;
mod console;
mod engine;
mod event_logs;
mod evidence_file;
#[cfg(any(windows, test))]
mod explorer;
mod far;
mod joined;
mod machine;
mod output;
mod progress;
mod proxy;
mod rdp_file;
mod remote;
mod repair;
mod sign_in;
mod watch;
mod windows_proxy;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    console::prepare();
    log_own_events_only();
    #[cfg(windows)]
    if std::env::args_os().len() <= 1 && console::is_ours_alone() {
        return explorer::ask_and(|arguments| run(cli::Cli::try_parse_from(arguments)));
    }
    run(cli::Cli::try_parse())
}

fn run(parsed: Result<cli::Cli, clap::Error>) -> ExitCode {
    match parsed {
        Ok(cli) => commands::run(cli),
        Err(error) if !error.use_stderr() => {
            // Help and version were asked for; a closed pipe is nobody's fault.
            let _ = error.print();
            ExitCode::SUCCESS
        }
        Err(error) => {
            output::complain(&cli::one_line(&error));
            ExitCode::from(commands::UNKNOWN)
        }
    }
}

/// `RUST_LOG` sets how much is logged, on standard error. Our own events only: the libraries below
/// log credentials at their lowest level.
fn log_own_events_only() {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::prelude::*;
    let level = std::env::var("RUST_LOG").ok().and_then(|level| level.parse::<LevelFilter>().ok());
    let filter = Targets::new().with_target("rdpdoctor", level.unwrap_or(LevelFilter::WARN));
    let output = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(filter);
    tracing_subscriber::registry().with(output).init();
}
