//! Files that hold evidence: opened, bounded, told apart.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use rdpdoctor_files::{HEAD, Kind, sniff};

/// What a file is, by its first bytes.
pub fn kind(path: &Path) -> anyhow::Result<Kind> {
    Ok(sniff(&bytes(path, HEAD as u64)?))
}

/// The file's bytes, `most` of them.
pub fn bytes(path: &Path, most: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|opened| opened.take(most).read_to_end(&mut bytes))
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(bytes)
}
