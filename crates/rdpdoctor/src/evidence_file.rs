//! Files that hold evidence: opened, bounded, told apart.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use rdpdoctor_files::{HEAD, Kind, sniff};

/// Of the output of a command or a serial port so much is searched for facts; the port of Google's
/// clouds keeps 1 MB.
const LONGEST_OUTPUT: u64 = 8 * 1024 * 1024;

/// What a file is, by its first bytes; of a text that they do not tell by all of it.
pub fn kind(path: &Path) -> anyhow::Result<Kind> {
    match sniff(&bytes(path, HEAD as u64)?) {
        kind @ (Kind::Text | Kind::Unknown) => match sniff(&bytes(path, LONGEST_OUTPUT)?) {
            Kind::Facts => Ok(Kind::Facts),
            _ => Ok(kind),
        },
        kind => Ok(kind),
    }
}

/// The file's bytes, `most` of them.
pub fn bytes(path: &Path, most: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|opened| opened.take(most).read_to_end(&mut bytes))
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(bytes)
}
