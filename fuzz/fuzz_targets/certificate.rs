//! A certificate in DER.

#![no_main]

use libfuzzer_sys::fuzz_target;
fuzz_target!(|data: &[u8]| {
    let _ = rdpdoctor_wire::read_certificate(data);
    let _ = rdpdoctor_wire::subject_public_key(data);
});
