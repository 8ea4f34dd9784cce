//! `rdpdoctor.exe` under Wine, beside the command of this system against the same servers and files.
//!
//! `cargo xtask windows` builds the program and runs this; an ordinary `cargo test` does not. The tests
//! share one prefix, which takes longer to make than most of them to run, so that they are run in order
//! by the `main` below, which takes names as `cargo test` does.
//!
//! What Wine cannot show, and where it is shown instead:
//! - `bcryptprimitives.dll` is missing from Wine 8; a stand-in of one function lies beside the program.
//! - Without a terminal Wine gives a program no console at all; those of Explorer are made by `script`.
//! - The firewall and sessions are not Windows' own: nothing here asks for them. Schannel is GnuTLS behind
//!   the same calls, with the same settings of the registry: what it offers by itself is not Windows'.
//!   What else a live look at a machine cannot have from Wine is listed in `host.rs`.
//! - Its certificate store holds what this system trusts, so that trust by a policy is not seen.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "all of it is tests; clippy allows these by itself only inside test functions"
)]

mod check;
mod console;
mod files;
mod host;
mod logged_on;
mod native;
#[path = "../e2e/programs.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod programs;
mod programs_alike;
mod proxy;
#[path = "../e2e/realm.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod realm;
mod wine;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use wine::Wine;

type Test = fn(&Wine);

const TESTS: &[(&str, Test)] = &[
    ("resources_of_the_program", programs_alike::resources_of_the_program),
    ("help_version_and_usage_errors", programs_alike::help_version_and_usage_errors),
    ("explain_says_the_same", programs_alike::explain_says_the_same),
    ("a_lab_on_windows", programs_alike::a_lab_on_windows),
    ("a_closed_port", check::a_closed_port),
    ("servers_of_the_lab", check::servers_of_the_lab),
    ("signing_in_at_the_lab", check::signing_in_at_the_lab),
    ("xrdp_of_debian", check::xrdp_of_debian),
    ("schannel_agrees_with_a_healthy_server", native::schannel_agrees_with_a_healthy_server),
    ("settings_of_schannel_count", native::settings_of_schannel_count),
    ("a_version_that_is_off_here_alone", native::a_version_that_is_off_here_alone),
    ("a_check_reads_the_client_along", native::a_check_reads_the_client_along),
    ("a_ticket_of_who_is_logged_on", logged_on::a_ticket_of_who_is_logged_on),
    ("nobody_has_what_it_takes", logged_on::nobody_has_what_it_takes),
    ("ntlm_of_who_is_logged_on", logged_on::ntlm_of_who_is_logged_on),
    ("the_proxy_of_windows_leads_to_a_gateway", proxy::the_proxy_of_windows_leads_to_a_gateway),
    ("a_script_of_windows_decides", proxy::a_script_of_windows_decides),
    ("evidence_in_files", files::evidence_in_files),
    ("a_path_beyond_260_characters", files::a_path_beyond_260_characters),
    ("answers_into_files", files::answers_into_files),
    ("what_is_set_is_read_and_judged", host::what_is_set_is_read_and_judged),
    ("a_listener_that_answers_weighs_more", host::a_listener_that_answers_weighs_more),
    ("what_cannot_be_read_is_said", host::what_cannot_be_read_is_said),
    ("a_client_is_looked_at", host::a_client_is_looked_at),
    ("a_service_is_started_and_stopped", host::a_service_is_started_and_stopped),
    ("a_fix_goes_there_and_back", host::a_fix_goes_there_and_back),
    ("nobody_confirms", host::nobody_confirms),
    ("a_handshake_that_fails_takes_it_back", host::a_handshake_that_fails_takes_it_back),
    ("a_double_click_asks_for_a_host", console::a_double_click_asks_for_a_host),
    ("the_window_stays_open", console::the_window_stays_open),
    ("a_shell_is_told_of_the_help", console::a_shell_is_told_of_the_help),
];

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|w| name.contains(w));
    let wine = Wine::begin();
    let mut failed = Vec::new();
    for (name, test) in TESTS.iter().filter(|(name, _)| is_wanted(name)) {
        let begun = Instant::now();
        let passed = catch_unwind(AssertUnwindSafe(|| test(&wine))).is_ok();
        let word = if passed { "ok" } else { "FAILED" };
        println!("test {name} ... {word} ({:.1} s)", begun.elapsed().as_secs_f64());
        if !passed {
            failed.push(*name);
        }
    }
    drop(wine);
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("failed under Wine: {}", failed.join(", "));
    ExitCode::FAILURE
}
