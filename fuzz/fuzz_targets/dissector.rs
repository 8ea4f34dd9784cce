//! Both directions of a connection, as the probe and the capture reader feed the dissector.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rdpdoctor_fuzz::{Op, ops};
use rdpdoctor_model::Ending;
use rdpdoctor_wire::{Dissector, begins_directly};

fuzz_target!(|data: &[u8]| {
    let Some((head, rest)) = data.split_first() else { return };
    let mut dissector = if head & 1 == 0 { Dissector::new() } else { Dissector::of_gateway() };
    if head & 2 != 0 {
        dissector.established();
    }
    match head >> 2 & 3 {
        1 => dissector.direct(),
        2 => dissector.turn_direct(),
        3 => dissector.turn_outside(),
        _ => {}
    }
    let _ = begins_directly(rest);
    for (at, op) in ops(rest).enumerate() {
        let at_ms = at as f64;
        match op {
            Op::Wire(party, bytes) => dissector.wire(party, bytes, at_ms),
            Op::Plaintext(party, bytes) => dissector.plaintext(party, bytes, at_ms),
            Op::Established => dissector.established(),
            Op::Lost => dissector.lost(),
        }
        let _ = (dissector.awaited(), dissector.is_done(), dissector.has_unfinished_answer());
        let _ = dissector.take_events();
    }
    dissector.settle(1_000.0);
    dissector.closed(Ending::Fin, None, 1_001.0);
    let _ = dissector.take_events();
});
