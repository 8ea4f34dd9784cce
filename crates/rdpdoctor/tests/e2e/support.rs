//! Running the command and reading what it says.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use tokio::sync::Semaphore;

/// Tests that start many servers take turns: a hundred commands at once would be late by themselves.
pub static TURNS: Semaphore = Semaphore::const_new(12);

/// The command as it was built for these tests.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rdpdoctor"));
    command.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR").env("NO_COLOR", "1");
    // Whatever the machine that runs the tests goes through.
    command.env_remove("ALL_PROXY").env_remove("all_proxy");
    command.env_remove("HTTPS_PROXY").env_remove("https_proxy");
    command
}

/// What one run came to.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// The document on standard output.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }
}

/// Runs to the end.
pub fn run(command: &mut Command) -> Run {
    let Output { status, stdout, stderr } = command.output().expect("the command starts");
    Run {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8(stdout).expect("UTF-8"),
        stderr: String::from_utf8(stderr).expect("UTF-8"),
    }
}

/// `check TARGET --json` with more arguments.
pub fn check(target: &str, more: &[&str]) -> Run {
    run(command().args(["check", target, "--json"]).args(more))
}

/// The verdict's cause; `healthy` when there is none.
pub fn cause(document: &Value) -> &str {
    document["verdict"]["cause"].as_str().unwrap_or("healthy")
}

/// Every finding as "cause severity proof".
pub fn findings(document: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    document["findings"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|f| format!("{} {} {}", text(&f["cause"]), text(&f["severity"]), text(&f["proof"])))
        .collect()
}

/// A folder for one test, made anew.
pub fn folder(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).expect("a folder for the test");
    path
}
