//! A Windows event log.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rdpdoctor_files::evtx::{self, Log};
use rdpdoctor_fuzz::quiet_panics;

fuzz_target!(|data: &[u8]| {
    quiet_panics();
    let log = Log::read(data);
    let _ = log.fact();
    let _ = evtx::attempts([&log]);
});
