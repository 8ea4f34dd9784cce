//! `cargo xtask ci`: everything a change must pass, the same here as in CI.

mod architecture;
mod fuzz;
mod licences;
mod walls;
mod windows;

use std::process::{Command, ExitCode};

use anyhow::{Context as _, bail};

/// One step of `ci`.
type Step = fn() -> anyhow::Result<()>;

/// How long `ci` runs each fuzz target: what is kept of its corpus, and a little more.
const SECONDS_OF_FUZZING: u32 = 3;

/// What it seeds them with, so that a run that fails can be had again.
const SEED: u32 = 1;

/// What `ci` does, in order: cheap checks first.
const STEPS: &[(&str, Step)] = &[
    ("format", || cargo(&["fmt", "--all", "--check"])),
    ("walls between the crates", walls::check),
    ("licences and duplicate versions", licences::check),
    ("ARCHITECTURE.md against the tree", architecture::check),
    ("clippy", || {
        cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])
    }),
    ("fuzz targets", || fuzz::run(SECONDS_OF_FUZZING, Some(SEED))),
    ("tests", || cargo(&["test", "--workspace", "--locked"])),
    ("the program for Windows, under Wine", windows::checked),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["ci"] => ci(),
        ["walls"] => walls::check(),
        ["licences"] => licences::check(),
        ["architecture"] => architecture::check(),
        ["windows"] => windows::checked(),
        ["windows", "--no-test"] => windows::build(windows::Build::Tests),
        ["windows", "--release"] => windows::build(windows::Build::Release),
        ["fuzz", seconds] => {
            let seconds = seconds.parse().context("fuzz takes a number of seconds");
            seconds.and_then(|seconds| fuzz::run(seconds, None))
        }
        _ => {
            say(
                "usage: cargo xtask ci | walls | licences | architecture | windows [--no-test | --release] | fuzz SECONDS",
            );
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("xtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn ci() -> anyhow::Result<()> {
    for (name, step) in STEPS {
        say(&format!("== {name}"));
        step().with_context(|| format!("step '{name}'"))?;
    }
    say("== all steps passed");
    Ok(())
}

/// Runs cargo in the workspace.
fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    let status = Command::new(env!("CARGO")).args(arguments).current_dir(root()).status()?;
    if !status.success() {
        bail!("cargo {} failed", arguments.join(" "));
    }
    Ok(())
}

/// `cargo metadata` of the workspace.
fn metadata() -> anyhow::Result<serde_json::Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The workspace's folder.
fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[expect(clippy::print_stderr, reason = "the one place where this tool speaks")]
fn say(line: &str) {
    eprintln!("{line}");
}
