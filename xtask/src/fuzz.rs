//! `cargo xtask fuzz SECONDS`: every fuzz target replays what is kept of its corpus and goes on for so
//! long. CI runs each for some seconds; whoever changes a decoder lets it run for longer.

use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use crate::{root, say};

/// The version of the program that is installed where it is missing.
const CARGO_FUZZ: &str = "0.13.1";

/// Memory that a target may take, in MiB, and time for one input, in seconds.
const LIMITS: [&str; 2] = ["-rss_limit_mb=1024", "-timeout=10"];

/// Builds all targets once and runs one after the other; with a seed they try the same each time.
pub fn run(seconds: u32, seed: Option<u32>) -> anyhow::Result<()> {
    install()?;
    cargo_fuzz(&["build"])?;
    let targets = std::fs::read_dir(root().join("fuzz/fuzz_targets"))?;
    let mut names: Vec<String> = targets
        .flatten()
        .filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".rs")?.to_owned()))
        .collect();
    names.sort();
    ensure!(!names.is_empty(), "there is no fuzz target");
    for name in &names {
        say(&format!("fuzz {name}"));
        let kept = root().join("fuzz/seeds").join(name);
        let grown = root().join("fuzz/corpus").join(name);
        std::fs::create_dir_all(&grown)?;
        ensure!(kept.is_dir(), "{} is missing: no corpus is kept of it", kept.display());
        let [kept, grown] = [&kept, &grown].map(|folder| folder.display().to_string());
        let time = format!("-max_total_time={seconds}");
        let mut arguments = vec!["run", name, &grown, &kept, "--", &time, "-print_final_stats=1"];
        arguments.extend(LIMITS);
        let seed = seed.map(|seed| format!("-seed={seed}"));
        arguments.extend(seed.as_deref());
        cargo_fuzz(&arguments).with_context(|| format!("fuzz target {name}"))?;
    }
    Ok(())
}

/// Installs the program where it is missing.
fn install() -> anyhow::Result<()> {
    let there = Command::new(env!("CARGO")).args(["fuzz", "--version"]).output()?.status.success();
    if there {
        return Ok(());
    }
    let mut install = Command::new(env!("CARGO"));
    install.args(["install", "--locked", "cargo-fuzz", "--version", CARGO_FUZZ]);
    ensure!(install.status()?.success(), "cargo-fuzz cannot be installed");
    Ok(())
}

/// Runs cargo-fuzz. The instrumentation is the compiler's, behind flags that it keeps for its
/// nightly versions.
fn cargo_fuzz(arguments: &[&str]) -> anyhow::Result<()> {
    let (command, rest) = arguments.split_first().context("no command")?;
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["fuzz", command, "--sanitizer", "none"]).args(rest);
    let status = cargo.current_dir(root()).env("RUSTC_BOOTSTRAP", "1").status()?;
    if !status.success() {
        bail!("cargo fuzz {command} failed");
    }
    Ok(())
}
