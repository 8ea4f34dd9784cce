//! `rdpdoctor`: says why a Remote Desktop connection fails, with its evidence, and what to change.

mod cli;
mod commands;
mod output;
mod progress;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match cli::Cli::try_parse() {
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
