//! The program for Windows that is brought to another machine: looked at before anybody is asked.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use rdpdoctor_host::program::{NotForIt, file_version};
use sha2::{Digest as _, Sha256};

use crate::evidence_file;

/// Longest program.
const LONGEST: u64 = 128 * 1024 * 1024;

/// This version, as the program there has to be.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The program.
pub struct Program {
    /// Its SHA-256.
    pub sha256: String,
    bytes: Vec<u8>,
}

impl Program {
    /// The one that was named; on Windows this very program.
    pub fn read(named: Option<&Path>) -> anyhow::Result<Self> {
        let path = match named {
            Some(path) => path.to_owned(),
            None => own()?,
        };
        let name = path.display().to_string();
        let bytes = evidence_file::bytes(&path, LONGEST + 1)?;
        ensure!(bytes.len() as u64 <= LONGEST, "{name} is longer than rdpdoctor.exe can be");
        let version = file_version(&bytes).map_err(|why| refused(&name, &why))?;
        if let Some(version) = version {
            let ours = format!("{VERSION}.0");
            ensure!(version == ours, "{name} has version {version}, and this program {ours}");
        }
        let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { sha256, bytes })
    }

    /// The same as gzip.
    pub fn packed(&self) -> anyhow::Result<Vec<u8>> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(&self.bytes)?;
        Ok(gzip.finish()?)
    }
}

fn refused(name: &str, why: &NotForIt) -> anyhow::Error {
    anyhow::anyhow!("{name} is not rdpdoctor.exe for Windows on x86-64: {why}")
}

fn own() -> anyhow::Result<PathBuf> {
    if cfg!(windows) {
        return std::env::current_exe().context("where this program lies is not known");
    }
    bail!(
        "the work is done there by the program for Windows, which is brought: --program \
         RDPDOCTOR.EXE names it (version {VERSION})"
    )
}
