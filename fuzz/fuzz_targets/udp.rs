//! A server's answer by UDP (MS-RDPEUDP), and what a client's SYN offers.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rdpdoctor_wire::udp;

fuzz_target!(|data: &[u8]| {
    let Some((number, datagram)) = data.split_first_chunk::<4>() else { return };
    let number = u32::from_be_bytes(*number);
    let _ = udp::offered_version(datagram);
    if let Some(answer) = udp::read_syn_ack(datagram, number) {
        udp::ack(&answer).expect("an answer that was read can be acknowledged");
    }
});
