//! PDUs of a session that somebody follows or paints: a redirection, a picture.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rdpdoctor_wire::{graphics_update, redirection};

fuzz_target!(|data: &[u8]| {
    let _ = redirection(data);
    let _ = graphics_update(data);
});
