//! TLS records with a key log: the key log's length, the key log, then records of both directions.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rdpdoctor_fuzz::{Op, ops};
use rdpdoctor_wire::tls_decrypt::{KeyLog, TlsListener};

fuzz_target!(|data: &[u8]| {
    let Some((length, rest)) = data.split_first_chunk::<2>() else { return };
    let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
    let (text, rest) = rest.split_at(length);
    let mut secrets = KeyLog::new();
    secrets.read(text);
    let mut listener = TlsListener::new();
    for op in ops(rest) {
        if let Op::Wire(party, bytes) | Op::Plaintext(party, bytes) = op {
            let _ = listener.feed(party, bytes, &secrets);
        }
    }
});
