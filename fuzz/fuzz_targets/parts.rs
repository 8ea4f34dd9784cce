//! Facts as a collecting script hands them back: in numbered parts, as they are, and as the body of a
//! part whose length and sum are right.

#![no_main]

use adler2::adler32_slice;
use libfuzzer_sys::fuzz_target;
use rdpdoctor_fuzz::judged;
use rdpdoctor_host::script::{collected, has_parts};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let _ = has_parts(&text);
    let sum = adler32_slice(text.as_bytes());
    let part = |coded: char| {
        format!("[rdpdoctor1 host 3f09c2 1/2 {coded} {} {sum:08x}]{text}[.]", text.len())
    };
    for text in [&*text, &part('t'), &part('z')] {
        for one in collected([text]) {
            judged(one.file.facts, one.file.side);
        }
    }
});
