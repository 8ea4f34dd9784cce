//! What a client's negotiation token shows: SPNEGO, NTLM, Kerberos, NEGOEX.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = rdpdoctor_wire::shown(data);
});
