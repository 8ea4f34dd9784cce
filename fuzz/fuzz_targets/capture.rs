//! A capture, pcap or pcapng: the key log's length, the key log, the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rdpdoctor_files::pcap::{self, KeyLog};

fuzz_target!(|data: &[u8]| {
    let Some((length, rest)) = data.split_first_chunk::<2>() else { return };
    let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
    let (text, file) = rest.split_at(length);
    let mut secrets = KeyLog::new();
    secrets.read(text);
    let _ = pcap::read(file, "fuzz.pcap", secrets);
});
