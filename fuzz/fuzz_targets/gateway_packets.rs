//! Packets of an RD Gateway (MS-TSGU).

#![no_main]

use libfuzzer_sys::fuzz_target;
use rdpdoctor_wire::tsgu;

fuzz_target!(|data: &[u8]| {
    let _ = tsgu::frame(data);
    let _ = tsgu::behind_seed(data);
    let _ = tsgu::Packet::read(data);
});
