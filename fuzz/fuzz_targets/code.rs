//! A code as a user types it, and the text of a dialog.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rdpdoctor_diagnosis::codes::{explain, parse_dialog, parse_query, parse_reported};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let _ = parse_reported(&text);
    let words: Vec<&str> = text.split_whitespace().take(2).collect();
    if let Ok(query) = parse_query(&words) {
        let _ = explain(&query);
    }
    if let Some(query) = parse_dialog(&text) {
        let _ = explain(&query);
    }
});
