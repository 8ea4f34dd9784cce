//! Damaged and hostile files: nothing panics, nothing hangs, nothing grows without limit.

use std::io::Read;

use proptest::collection::vec;
use proptest::prelude::*;
use rdpdoctor_files::pcap::{self, KeyLog};

use crate::writer::{CLIENT, CONFIRM_NLA, Flag, REFUSAL_NLA, REQUEST, SERVER, Talk, Writer};

fn refused() -> Vec<u8> {
    let mut writer = Writer::default();
    let mut talk = Talk::between(CLIENT, SERVER, 0);
    talk.open(&mut writer);
    talk.client(&mut writer, REQUEST);
    talk.server(&mut writer, REFUSAL_NLA);
    talk.send(&mut writer, false, Flag::Fin, b"");
    writer.pcap(1)
}

/// A pcapng file with the given blocks: their types and contents.
fn pcapng(blocks: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let section =
        (0x0A0D_0D0A, [&0x1A2B_3C4D_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xFF; 8]].concat());
    let interface = (1, vec![1, 0, 0, 0, 0, 0, 4, 0]);
    let mut file = Vec::new();
    for (kind, content) in [section, interface].iter().chain(blocks) {
        let mut content = content.clone();
        content.resize(content.len().next_multiple_of(4), 0);
        let length = u32::try_from(content.len() + 12).expect("short").to_le_bytes();
        file.extend([&kind.to_le_bytes()[..], &length, &content, &length].concat());
    }
    file
}

fn read(file: Vec<u8>) -> Result<pcap::Capture, String> {
    pcap::read(std::io::Cursor::new(file), "hostile", KeyLog::new())
}

#[test]
fn a_file_that_is_cut_gives_what_is_in_it() {
    let file = refused();
    let whole = read(file.clone()).expect("a capture");
    assert!(whole.notes.is_empty());
    // At the end of a frame nobody can know that more is missing.
    let mut ends = vec![24];
    while let Some(length) = file.get(ends[ends.len() - 1] + 8..).filter(|rest| rest.len() > 8) {
        let length = u32::from_le_bytes(length[..4].try_into().expect("four bytes"));
        ends.push(ends[ends.len() - 1] + 16 + usize::try_from(length).expect("short"));
    }
    for length in 24..file.len() {
        let capture = read(file[..length].to_vec()).expect("its beginning is whole");
        let told = capture.notes.iter().any(|note| note.contains("not read to its end"));
        assert_eq!(told, !ends.contains(&length), "{length}");
    }
    let capture = read(file[..file.len() - 3].to_vec()).expect("a capture");
    assert_eq!(capture.attempts.len(), 1);
    assert_eq!(capture.notes.len(), 1);
}

/// Fails where the bytes end.
struct Failing(std::io::Cursor<Vec<u8>>);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(std::io::ErrorKind::Other.into()),
            length => Ok(length),
        }
    }
}

#[test]
fn what_cannot_be_read_is_no_end() {
    let failing = |file| pcap::read(Failing(std::io::Cursor::new(file)), "failing", KeyLog::new());
    let capture = failing(refused()).expect("a capture");
    assert_eq!(capture.attempts.len(), 1);
    assert_eq!(capture.notes, ["not read to its end: the file could not be read on"]);
    assert!(failing(Vec::new()).is_err());
}

#[test]
fn a_block_of_four_gigabytes_is_not_waited_for() {
    let mut file = refused();
    file.extend([0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
    let capture = read(file).expect("a capture");
    assert_eq!(capture.attempts.len(), 1);
    assert_eq!(capture.notes.len(), 1, "{:?}", capture.notes);
}

#[test]
fn what_is_no_capture_is_refused() {
    for file in [&b""[..], b"\xD4\xC3\xB2\xA1", b"GIF89a", &[0; 100]] {
        assert!(read(file.to_vec()).is_err());
    }
}

/// A capture without an end: frames are made while they are read.
struct Endless {
    frames: Vec<u8>,
    at: usize,
    left: u64,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.frames.len() {
            // Behind the head the same frames again and again.
            self.at = 24;
        }
        let length = buffer
            .len()
            .min(self.frames.len() - self.at)
            .min(usize::try_from(self.left).unwrap_or(0));
        buffer[..length].copy_from_slice(&self.frames[self.at..self.at + length]);
        self.at += length;
        self.left -= length as u64;
        Ok(length)
    }
}

/// The memory that this process has at its highest, in KiB.
#[cfg(target_os = "linux")]
fn highest_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM")).expect("it is told");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

/// 200 MB of connections of all kinds; the memory for them stays far below.
#[cfg(target_os = "linux")]
#[test]
fn a_large_file_streams() {
    let mut writer = Writer::default();
    for number in 0..200_u16 {
        let mut talk = Talk::between(
            &format!("10.0.1.1:{}", 20_000 + number),
            SERVER,
            u64::from(number) * 7000,
        );
        talk.open(&mut writer);
        talk.client(&mut writer, REQUEST);
        talk.server(&mut writer, CONFIRM_NLA);
        for _ in 0..20 {
            talk.client(&mut writer, &[0x17; 1400]);
            talk.server(&mut writer, &[0x17; 1400]);
        }
        if number % 2 == 0 {
            talk.send(&mut writer, true, Flag::Rst, b"");
        }
    }
    let before = highest_memory();
    let endless = Endless { frames: writer.pcap(1), at: 0, left: 200_000_000 };
    let capture = pcap::read(endless, "endless", KeyLog::new()).expect("a capture");
    assert!(!capture.attempts.is_empty());
    let grown = highest_memory() - before;
    assert!(grown < 100 * 1024, "{grown} KiB for 200 MB");
}

proptest! {
    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..600), ng in any::<bool>()) {
        let file = if ng { [pcapng(&[]), bytes].concat() } else { [refused()[..24].to_vec(), bytes].concat() };
        let _ = read(file);
    }

    #[test]
    fn any_blocks(blocks in vec((0_u32..12, vec(any::<u8>(), 0..80)), 0..12)) {
        let _ = read(pcapng(&blocks));
    }

    #[test]
    fn any_change_of_a_capture(changes in vec((24_usize..600, any::<u8>()), 1..20), ng in any::<bool>()) {
        let mut file = refused();
        if ng {
            let content = [&[0; 12][..], &file[40..100], &[0; 40]].concat();
            file = pcapng(&[(6, content.clone()), (3, content.clone()), (10, content.clone()), (1, content)]);
        }
        for (at, byte) in changes {
            let length = file.len();
            file[at % length] = byte;
        }
        let _ = read(file);
    }

    /// Segments with whatever numbers, flags and bytes between two ends.
    #[test]
    fn any_segments(segments in vec((any::<bool>(), any::<u32>(), any::<u32>(), 0_u8..64, vec(any::<u8>(), 0..60)), 0..60)) {
        let mut writer = Writer::default();
        for (at, (by_client, sequence, number, flags, bytes)) in segments.into_iter().enumerate() {
            let mut packet = Talk::between(CLIENT, SERVER, 0).ip(by_client, Flag::Ack, &bytes);
            packet[24..28].copy_from_slice(&sequence.to_be_bytes());
            packet[28..32].copy_from_slice(&number.to_be_bytes());
            packet[33] = flags;
            writer.frames.push((at as u64, packet));
        }
        let _ = read(writer.pcap(101));
    }
}
