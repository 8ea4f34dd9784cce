//! Facts of a Windows machine as a file, judged by every rule.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rdpdoctor_fuzz::judged;
use rdpdoctor_host::FactsFile;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(file) = FactsFile::read(text) else { return };
    judged(file.facts, file.side);
});
