//! The frames of a capture file, one after the other: a file of any size is read in a window.

use std::io::{self, ErrorKind, Read};
use std::sync::atomic::{AtomicBool, Ordering};

use pcap_parser::pcapng::SecretsType;
use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};

/// Bytes that are looked at to begin with.
const WINDOW: usize = 256 * 1024;

/// The longest block that is read: a frame of 256 KiB or a log of secrets is far shorter.
const LONGEST_BLOCK: usize = 16 * 1024 * 1024;

/// Most interfaces of one section.
const MOST_INTERFACES: usize = 4096;

const NANOS: i128 = 1_000_000_000;

/// One captured frame.
pub(super) struct Frame<'a> {
    /// Its number, counted from 1 as Wireshark does.
    pub(super) number: u64,
    /// Nanoseconds since 1970; `None` where the file does not say.
    pub(super) nanos: Option<i64>,
    /// The link type (LINKTYPE_ values of tcpdump.org).
    pub(super) link: i32,
    pub(super) data: &'a [u8],
}

/// What takes the content of a file.
pub(super) trait Visitor {
    fn frame(&mut self, frame: &Frame<'_>);
    /// A key log of TLS.
    fn secrets(&mut self, text: &[u8]);
}

/// Reads a file to its end, or to where it breaks: the text then says how it ends.
pub(super) fn walk(
    file: impl Read + Send,
    visitor: &mut impl Visitor,
) -> Result<Option<String>, String> {
    let failed = AtomicBool::new(false);
    let how = |error: &PcapError<&[u8]>| {
        if failed.load(Ordering::Relaxed) { CANNOT_BE_READ_ON.to_owned() } else { problem(error) }
    };
    let file = UpToFailure { file, failed: &failed };
    let mut reader = create_reader(WINDOW, file).map_err(|error| how(&error))?;
    let mut sections = Sections::default();
    let mut window = WINDOW;
    loop {
        let enough = match reader.next() {
            Ok((length, block)) => {
                sections.block(&block, visitor);
                // What is left is moved to the front once, when more is read.
                reader.consume_noshift(length);
                continue;
            }
            Err(PcapError::Eof) => {
                let failed = failed.load(Ordering::Relaxed);
                return Ok(failed.then(|| CANNOT_BE_READ_ON.to_owned()));
            }
            Err(PcapError::Incomplete(_)) => true,
            Err(PcapError::BufferTooSmall) => false,
            Err(error) => return Ok(Some(how(&error))),
        };
        let full = reader.data().len() + 1 >= window;
        if !enough || full {
            if window >= LONGEST_BLOCK {
                return Ok(Some(format!("a block of more than {LONGEST_BLOCK} bytes")));
            }
            window *= 2;
            reader.grow(window);
        }
        if reader.refill().is_err() {
            return Ok(Some(CANNOT_BE_READ_ON.to_owned()));
        }
    }
}

const CANNOT_BE_READ_ON: &str = "the file could not be read on";

/// A file that ends where it cannot be read: the library would drop what came before.
struct UpToFailure<'f, R> {
    file: R,
    failed: &'f AtomicBool,
}

impl<R: Read> Read for UpToFailure<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.file.read(buffer) {
            Err(error) if error.kind() != ErrorKind::Interrupted => {
                self.failed.store(true, Ordering::Relaxed);
                Ok(0)
            }
            read => read,
        }
    }
}

/// The library's words without the bytes in them.
fn problem(error: &PcapError<&[u8]>) -> String {
    match error {
        PcapError::UnexpectedEof | PcapError::Incomplete(_) => {
            "the file ends in the middle of a block".to_owned()
        }
        PcapError::Eof => "there is nothing in it".to_owned(),
        PcapError::ReadError => CANNOT_BE_READ_ON.to_owned(),
        PcapError::HeaderNotRecognized => "the file does not begin as a capture does".to_owned(),
        _ => "a block breaks the rules of the format".to_owned(),
    }
}

/// How frames are to be read in the present section.
#[derive(Default)]
struct Sections {
    frames: u64,
    interfaces: Vec<Interface>,
    /// The old format has one interface and no sections.
    nanoseconds: bool,
}

struct Interface {
    link: i32,
    /// Units of a second in its timestamps.
    resolution: u64,
    /// Seconds to be added to them.
    offset: i64,
    snap_length: u32,
}

impl Sections {
    fn block(&mut self, block: &PcapBlockOwned<'_>, visitor: &mut impl Visitor) {
        match block {
            PcapBlockOwned::LegacyHeader(header) => {
                self.nanoseconds = header.is_nanosecond_precision();
                self.interfaces = vec![Interface {
                    // The upper bits hold the length of the frame check sequence.
                    link: header.network.0 & 0xFFFF,
                    resolution: 0,
                    offset: 0,
                    snap_length: header.snaplen,
                }];
            }
            PcapBlockOwned::Legacy(block) => {
                let unit = if self.nanoseconds { 1 } else { 1000 };
                let nanos = i128::from(block.ts_sec) * NANOS + i128::from(block.ts_usec) * unit;
                self.frame(0, i64::try_from(nanos).ok(), block.data, visitor);
            }
            PcapBlockOwned::NG(block) => self.new_block(block, visitor),
        }
    }

    fn new_block(&mut self, block: &Block<'_>, visitor: &mut impl Visitor) {
        match block {
            Block::SectionHeader(_) => self.interfaces.clear(),
            Block::InterfaceDescription(described) if self.interfaces.len() < MOST_INTERFACES => {
                self.interfaces.push(Interface {
                    link: described.linktype.0,
                    resolution: described.ts_resolution().unwrap_or(1_000_000),
                    offset: described.ts_offset(),
                    snap_length: described.snaplen,
                });
            }
            Block::EnhancedPacket(packet) => {
                let Ok(index) = usize::try_from(packet.if_id) else { return };
                let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                let nanos = self.interfaces.get(index).and_then(|interface| interface.nanos(ticks));
                let length = usize::try_from(packet.caplen).unwrap_or(usize::MAX);
                let data = packet.data.get(..length).unwrap_or(packet.data);
                self.frame(index, nanos, data, visitor);
            }
            Block::SimplePacket(packet) => {
                // It has no time, and its length is the interface's at most.
                let snap = self.interfaces.first().map_or(0, |interface| interface.snap_length);
                let length = if snap == 0 { packet.origlen } else { packet.origlen.min(snap) };
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let data = packet.data.get(..length).unwrap_or(packet.data);
                self.frame(0, None, data, visitor);
            }
            Block::DecryptionSecrets(secrets) if secrets.secrets_type == SecretsType::TlsKeyLog => {
                let length = usize::try_from(secrets.secrets_len).unwrap_or(usize::MAX);
                visitor.secrets(secrets.data.get(..length).unwrap_or(secrets.data));
            }
            _ => {}
        }
    }

    fn frame(
        &mut self,
        interface: usize,
        nanos: Option<i64>,
        data: &[u8],
        visitor: &mut impl Visitor,
    ) {
        self.frames += 1;
        let Some(interface) = self.interfaces.get(interface) else { return };
        visitor.frame(&Frame { number: self.frames, nanos, link: interface.link, data });
    }
}

impl Interface {
    fn nanos(&self, ticks: u64) -> Option<i64> {
        let resolution = i128::from(self.resolution);
        if resolution == 0 {
            return None;
        }
        let nanos = i128::from(ticks) * NANOS / resolution + i128::from(self.offset) * NANOS;
        i64::try_from(nanos).ok()
    }
}
