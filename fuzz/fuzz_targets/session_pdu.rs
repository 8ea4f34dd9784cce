//! PDUs of a session that somebody follows or paints: a redirection, a picture, a request for UDP; and
//! the response that names its channels.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rdpdoctor_wire::multitransport::{SideChannels, TransportRequest};
use rdpdoctor_wire::{graphics_update, redirection};

fuzz_target!(|data: &[u8]| {
    let _ = redirection(data);
    let _ = graphics_update(data);
    let channels = SideChannels::read(data);
    let _ = channels.have(data);
    let _ = TransportRequest::read(data, 1005).map(|request| request.cookie_hash());
});
