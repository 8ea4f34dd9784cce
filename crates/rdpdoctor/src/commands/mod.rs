//! One command a file.

pub mod check;
mod collect;
mod compare;
mod explain;
mod fix;
mod fix_disk;
mod fix_remote;
mod lab;
mod machine;
pub mod read;
mod read_capture;
mod read_logs;
mod run;
mod watch;

use std::process::ExitCode;

use rdpdoctor_host::Side;
use rdpdoctor_report::Document;

use crate::cli::{Cli, Command};
use crate::output;

/// The exit code for what could not be tried or decided, every usage error included.
pub const UNKNOWN: u8 = 3;

/// Carries out what the command line says.
pub fn run(cli: Cli) -> ExitCode {
    let result = match cli.command {
        Command::Check(args) => check::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Host(args) => machine::run(Side::Host, &args),
        Command::Client(args) => machine::run(Side::Client, &args),
        Command::Read(args) => read::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Lab(command) => lab::run(command),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            output::complain(&format!("{error:#}"));
            ExitCode::from(UNKNOWN)
        }
    }
}

/// The contract's code for what was found.
fn exit_code(document: &Document) -> u8 {
    use rdpdoctor_report::document::Status;
    match document.verdict.status {
        Status::Ok => 0,
        Status::Degraded => 1,
        Status::Failed => 2,
        Status::Unknown => UNKNOWN,
    }
}
