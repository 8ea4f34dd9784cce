//! `--capture`: the packets of the check's own connections in a file, and what their headers tell.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use rdpdoctor_files::pcap::{self, KeyLog};
use rdpdoctor_model::{Fact, Observation, ObservationId, Target};
use rdpdoctor_probe::{Journal, Recorder};
use tempfile::NamedTempFile;

use crate::cli::CheckArgs;
use crate::output;

/// The secrets of a check's connections are a few kilobytes.
const LONGEST_SECRETS: u64 = 4 * 1024 * 1024;

/// A file that cannot be written is said before anything is tried.
///
/// # Errors
/// When it cannot, or when what it would hold shall not be seen.
pub fn may_write(args: &CheckArgs) -> anyhow::Result<()> {
    let Some(path) = &args.capture else { return Ok(()) };
    ensure!(
        !args.output.mask,
        "--capture keeps packets as they are, with names and addresses; leave it or --mask away"
    );
    beside(path).map(drop)?;
    Ok(())
}

/// A recording that goes on.
pub struct Recording {
    recorder: Recorder,
    /// Bytes that the key log had before; they are another check's.
    key_log: u64,
}

impl Recording {
    /// `None` where nothing is to be recorded, or cannot be; the check goes on.
    pub fn begin(args: &CheckArgs, journal: &Arc<Journal>) -> Option<Self> {
        args.capture.as_ref()?;
        let metadata = args.keylog.as_ref().and_then(|path| path.metadata().ok());
        let key_log = metadata.map_or(0, |metadata| metadata.len());
        match Recorder::start(journal) {
            Ok(recorder) => Some(Self { recorder, key_log }),
            Err(why) => {
                output::complain(&format!("--capture: no packets are recorded: {why}"));
                None
            }
        }
    }

    /// Writes the file, and adds to the observations what its packets tell beyond them.
    pub fn end(self, args: &CheckArgs, target: &Target, observations: &mut Vec<Observation>) {
        let Some(path) = &args.capture else { return };
        let secrets = args.keylog.as_ref().and_then(|log| secrets(log, self.key_log));
        let recording = self.recorder.stop();
        let packets = recording.packets.iter().map(|packet| (packet.at, packet.bytes.as_slice()));
        let program = concat!("rdpdoctor ", env!("CARGO_PKG_VERSION"));
        let comment = format!("rdpdoctor check {target}");
        let written = pcap::write(packets, program, &comment, secrets.as_deref())
            .map_err(anyhow::Error::msg)
            .and_then(|file| replace(path, &file).map(|()| file));
        match written {
            Err(why) => output::complain(&format!("--capture: {why:#}")),
            Ok(file) => {
                add_heads(&file, &path.display().to_string(), observations);
                if recording.cut {
                    output::complain("--capture: there were more packets than the file holds");
                }
            }
        }
    }
}

/// An empty file beside that path, which nobody else may read. It goes with its handle, unless it takes
/// the place of what is there.
fn beside(path: &Path) -> anyhow::Result<NamedTempFile> {
    let why = || format!("cannot write {}", path.display());
    if let Ok(metadata) = path.symlink_metadata() {
        ensure!(metadata.is_file(), "{}: it is no plain file", why());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).with_context(why)
}

/// Puts the whole file in the place of what is there.
fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut file = beside(path)?;
    file.write_all(bytes).with_context(|| format!("cannot write {}", path.display()))?;
    file.persist(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(())
}

/// What this check added to the key log.
fn secrets(path: &Path, before: u64) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok()?;
    file.seek(SeekFrom::Start(before)).ok()?;
    let mut secrets = Vec::new();
    file.take(LONGEST_SECRETS).read_to_end(&mut secrets).ok()?;
    Some(secrets)
}

/// The headers of the server's packets, which a socket does not show. They are read as `read` reads them.
fn add_heads(file: &[u8], name: &str, observations: &mut Vec<Observation>) {
    let Ok(capture) = pcap::read(file, name, KeyLog::new()) else { return };
    let seen = capture.attempts.into_iter().flat_map(|attempt| {
        let connections = connections(&attempt.observations);
        attempt.observations.into_iter().filter_map(move |o| {
            let heads = matches!(o.fact, Fact::ServerHeads { .. });
            let number = o.connection?;
            let ends = connections.iter().find(|(known, ..)| *known == number)?;
            heads.then_some((o, (ends.1, ends.2)))
        })
    });
    let own = connections(observations);
    for (mut observation, ends) in seen {
        let Some((number, ..)) = own.iter().find(|own| (own.1, own.2) == ends) else { continue };
        observation.id = ObservationId::numbered(observations.len() + 1);
        observation.connection = Some(*number);
        observations.push(observation);
    }
}

/// The numbers of the connections with their ends.
fn connections(observations: &[Observation]) -> Vec<(u32, SocketAddr, SocketAddr)> {
    let connections = observations.iter().filter_map(|o| match o.fact {
        Fact::Connection { number, remote, local: Some(local), .. } => {
            Some((number, local, remote))
        }
        _ => None,
    });
    connections.collect()
}
