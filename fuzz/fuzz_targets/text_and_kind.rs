//! What kind a file is of, its text, and the rules of a cloud in it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rdpdoctor_files::{cloud, sniff, text};

fuzz_target!(|data: &[u8]| {
    let _ = sniff(data);
    let _ = cloud::facts(text::decode(data).text.trim());
});
