//! Seeds of a Windows machine: its disk, its registry, its facts.

use std::error::Error;
use std::fs;
use std::path::Path;

use rdpdoctor_host::fake::FakeSystem;
use rdpdoctor_host::script::write_parts;
use rdpdoctor_host::{FactsFile, Side, collect};
use rdpdoctor_model::{Hex, RegistryData};

use super::Seeds;
use super::windows::{self, Hive};

/// Zeros that end a piece of a disk, at the end of a sector.
const SECTOR: usize = 512;

/// Everything that can be made of one machine.
pub fn seeds(seeds: &Seeds) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let windows = folder.path().join("windows");
    windows::write(&windows);
    hives(seeds, &windows)?;
    let disk = rdpdoctor_host::system::disk::Disk::open(&windows, None)?;
    for side in [Side::Host, Side::Client] {
        let facts = collect(&disk, side);
        seeds.keep("facts", side.name(), FactsFile::write(side, &facts).as_bytes())?;
        for (number, part) in write_parts(side, &facts, 3_400).iter().enumerate() {
            seeds.keep("parts", &format!("{}-{number}", side.name()), part.as_bytes())?;
        }
    }
    let lines = "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|Name=x|\n";
    let mut store = vec![0, 0];
    store.extend(lines.as_bytes());
    seeds.keep("store", "rules", &store)?;
    let certificate = rcgen::generate_simple_self_signed(["PC42".to_owned()])?;
    let der = certificate.cert.der();
    let length = u32::try_from(der.len())?.to_le_bytes();
    let blob = [&[32, 0, 0, 0, 1, 0, 0, 0], &length[..], der].concat();
    seeds.keep("store", "certificate", &super::with_keys(&blob, lines.as_bytes()))?;
    seeds.keep("certificate", "self-signed", der)?;
    let machine = FakeSystem::default().with(r"HKLM\X", "Blob", RegistryData::Binary(Hex(blob)));
    let facts = collect(&machine, Side::Host);
    seeds.keep("facts", "empty", FactsFile::write(Side::Host, &facts).as_bytes())?;
    match windows::volume(folder.path()) {
        Ok(image) => seeds.keep_long("disk_image", "windows", &pieces(&fs::read(image)?)),
        Err(why) => {
            super::say(&format!("no seed of a disk: {why}"));
            Ok(())
        }
    }
}

/// Files of the registry as the target reads them: which, the log's length, the log, the file.
fn hives(seeds: &Seeds, windows: &Path) -> Result<(), Box<dyn Error>> {
    for (which, name) in (0_u8..).zip(["SYSTEM", "SOFTWARE", "SAM", "SECURITY"]) {
        let Ok(bytes) = fs::read(windows.join("Windows/System32/config").join(name)) else {
            continue;
        };
        seeds.keep_long("hive", name, &[&[which, 0, 0, 0], &bytes[..]].concat())?;
    }
    let small = Hive::default().number("Select", "Current", 1).bytes();
    seeds.keep("hive", "small", &[&[0, 0, 0, 0], &small[..]].concat())
}

/// A disk as the target reads it: the pieces that hold something. The log of the volume is filled with
/// ones before its first use.
fn pieces(image: &[u8]) -> Vec<u8> {
    /// A piece's length stands in two bytes.
    const MOST: usize = 64;
    let sectors: Vec<&[u8]> = image.chunks(SECTOR).collect();
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < sectors.len() {
        let used = sectors[at..]
            .iter()
            .take(MOST)
            .take_while(|sector| sector.iter().any(|byte| ![0, 0xFF].contains(byte)))
            .count();
        if used > 0 {
            let bytes = sectors[at..at + used].concat();
            let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            let start = u32::try_from(at).unwrap_or(0).to_le_bytes();
            let length = u16::try_from(end).unwrap_or(0).to_le_bytes();
            pieces.extend(&start[..3]);
            pieces.extend(length);
            pieces.extend(&bytes[..end]);
        }
        at += used.max(1);
    }
    pieces
}
