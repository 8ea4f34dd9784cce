//! A Connect Response, the keys that follow from it, and what the server sends under them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rdpdoctor_wire::security::ServerSecurity;

fuzz_target!(|data: &[u8]| {
    let _ = ServerSecurity::read(data);
});
