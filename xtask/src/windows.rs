//! `cargo xtask windows`: `rdpdoctor.exe`, built on Debian with mingw-w64, and its tests under Wine.
//!
//! The standard library for this target is built along, from its source: distributions that package
//! Rust package the source, but no library for Windows.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};

/// What mingw-w64 links.
const TARGET: &str = "x86_64-pc-windows-gnu";

/// The compiler and the resource compiler of Debian's packages.
const TOOLS: &[&str] = &["x86_64-w64-mingw32-gcc", "x86_64-w64-mingw32-windres"];

/// What one build is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Build {
    /// For the tests: soon ready.
    Tests,
    /// To be given away.
    Release,
}

impl Build {
    fn profile(self) -> &'static str {
        match self {
            Self::Tests => "windows",
            Self::Release => "release",
        }
    }
}

/// Builds the program and runs its tests, those held to clippy as all others. Both are asked of the
/// workspace, not of the package: with other features everything would be built anew.
pub fn checked() -> anyhow::Result<()> {
    crate::cargo(&["clippy", "--workspace", "--test", "wine", "--locked", "--", "-D", "warnings"])?;
    build(Build::Tests)?;
    test()
}

/// Builds the program and says where it lies. A warning fails it: dead code here is dead on Windows
/// alone, and no other step would see it.
pub fn build(kind: Build) -> anyhow::Result<()> {
    find_standard_library()?;
    for tool in TOOLS {
        let found = Command::new(tool).arg("--version").output();
        found.with_context(|| format!("{tool} is not there; CONTRIBUTING.md names its package"))?;
    }
    let begun = Instant::now();
    let status = Command::new(env!("CARGO"))
        .args(["build", "--package", "rdpdoctor", "--locked", "--target", TARGET])
        .args(["--profile", kind.profile(), "-Zbuild-std=std,panic_abort"])
        .args(["-Zwarnings", "--config", "build.warnings=\"deny\""])
        // The stable compiler takes both options only so.
        .env("RUSTC_BOOTSTRAP", "1")
        .current_dir(crate::root())
        .status()?;
    ensure!(status.success(), "the build for Windows failed");
    let program = program(kind)?;
    let bytes = program.metadata().with_context(|| program.display().to_string())?.len();
    let mib = bytes as f64 / f64::from(1 << 20);
    let seconds = begun.elapsed().as_secs();
    crate::say(&format!("{}: {mib:.1} MiB, built in {seconds} s", program.display()));
    Ok(())
}

/// Runs the end-to-end tests of the program that was built for tests, under Wine.
pub fn test() -> anyhow::Result<()> {
    let begun = Instant::now();
    let status = Command::new(env!("CARGO"))
        .args(["test", "--workspace", "--test", "wine", "--locked"])
        .env("RDPDOCTOR_EXE", program(Build::Tests)?)
        .current_dir(crate::root())
        .status()?;
    ensure!(status.success(), "the tests under Wine failed");
    crate::say(&format!("tested under Wine in {} s", begun.elapsed().as_secs()));
    Ok(())
}

/// Where `cargo build` puts the program.
fn program(kind: Build) -> anyhow::Result<PathBuf> {
    let metadata = crate::metadata()?;
    let target = metadata["target_directory"].as_str().context("no target directory")?;
    Ok(Path::new(target).join(TARGET).join(kind.profile()).join("rdpdoctor.exe"))
}

/// Where `-Zbuild-std` looks for the source of the standard library.
fn find_standard_library() -> anyhow::Result<()> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output()?;
    ensure!(output.status.success(), "rustc --print sysroot failed");
    let sysroot = String::from_utf8(output.stdout)?;
    let library = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library");
    if !library.join("Cargo.lock").exists() {
        bail!(
            "the source of the standard library is not at {}; .ci/rust-src puts it there",
            library.display()
        );
    }
    Ok(())
}
