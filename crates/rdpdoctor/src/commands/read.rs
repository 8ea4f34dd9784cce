//! `read`: the same diagnosis from evidence on disk.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use rdpdoctor_files::{HEAD, Kind, sniff};

use crate::cli::ReadArgs;
use crate::output;

/// Reads the files, judges what is in them and answers as `check` does.
pub fn run(args: &ReadArgs) -> anyhow::Result<u8> {
    let mut captures = Vec::new();
    for file in &args.files {
        let kind = kind(file)?;
        match kind {
            Kind::Pcap | Kind::PcapNg => captures.push(file.as_path()),
            Kind::Packed => bail!("{} is {kind}; unpack it first", file.display()),
            Kind::Empty => bail!("{} is {kind}; there is nothing to read", file.display()),
            Kind::Text | Kind::Unknown => bail!(
                "{} is {kind}; give a capture, an event log, an .rdp file or a saved document",
                file.display()
            ),
            _ => bail!("{} is {kind}, which this version cannot read yet", file.display()),
        }
    }
    let document = super::read_capture::document(&captures, args)?;
    output::deliver(&document, &args.output)?;
    Ok(super::check::exit_code(&document))
}

/// What a file is, by its first bytes.
fn kind(file: &Path) -> anyhow::Result<Kind> {
    let mut head = Vec::new();
    File::open(file)
        .and_then(|opened| opened.take(HEAD as u64).read_to_end(&mut head))
        .with_context(|| format!("cannot read {}", file.display()))?;
    Ok(sniff(&head))
}
