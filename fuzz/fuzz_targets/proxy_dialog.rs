//! The dialog with a proxy before a connection: HTTP CONNECT and SOCKS 5.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rdpdoctor_fuzz::{Op, ops};
use rdpdoctor_model::Party;
use rdpdoctor_wire::proxy::{ProxyDialog, response_head};

fuzz_target!(|data: &[u8]| {
    let mut dialog = None;
    let mut in_tls = ProxyDialog::in_tls();
    let mut client = Vec::new();
    for op in ops(data) {
        let (Op::Wire(party, bytes) | Op::Plaintext(party, bytes)) = op else { continue };
        in_tls.feed(party, bytes);
        if party == Party::Client && dialog.is_none() {
            client.extend_from_slice(bytes);
            dialog = ProxyDialog::begun(&client).flatten();
            if let Some(dialog) = &mut dialog {
                dialog.feed(party, &client);
            }
        } else if let Some(dialog) = &mut dialog {
            dialog.feed(party, bytes);
            let _ = (dialog.awaited(), dialog.asked(), dialog.scheme(), dialog.is_open());
        }
    }
    let _ = response_head(data);
});
