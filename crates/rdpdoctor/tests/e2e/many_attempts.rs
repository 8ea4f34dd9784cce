//! A capture of a long day: what is listed of it is bounded, and what is left out is said.

use std::time::Duration;

use etherparse::PacketBuilder;
use rdpdoctor_files::pcap;

use crate::support::{command, folder, run};

const CLIENT: [u8; 4] = [10, 0, 0, 1];
const HOST: [u8; 4] = [10, 0, 0, 2];

/// A try that is refused at once, every minute.
fn refused(tries: u16) -> Vec<(Duration, Vec<u8>)> {
    let mut packets = Vec::new();
    for number in 0..tries {
        let (port, at) =
            (50_000 + number, Duration::from_secs(1_700_000_000 + 60 * u64::from(number)));
        let (mut syn, mut reset) = (Vec::new(), Vec::new());
        let asked = PacketBuilder::ipv4(CLIENT, HOST, 64).tcp(port, 3389, 7, 1000).syn();
        asked.write(&mut syn, &[]).expect("a packet");
        let answer = PacketBuilder::ipv4(HOST, CLIENT, 64).tcp(3389, port, 0, 0).rst().ack(8);
        answer.write(&mut reset, &[]).expect("a packet");
        packets.push((at, syn));
        packets.push((at + Duration::from_millis(1), reset));
    }
    packets
}

#[test]
fn attempts_of_a_long_capture() {
    let file = folder("many-attempts").join("day.pcapng");
    for (tries, listed, left_out) in [(300, 300, None), (310, 300, Some("10 more attempts"))] {
        let packets = refused(tries);
        let packets = packets.iter().map(|(at, packet)| (*at, packet.as_slice()));
        let bytes = pcap::write(packets, "a test", "", None).expect("a capture");
        std::fs::write(&file, bytes).expect("it can be written");
        let read = run(command().arg("read").arg(&file).arg("--json"));
        let document = read.json();
        assert_eq!(document["verdict"]["cause"], "net.refused");
        assert_eq!(document["attempts"].as_array().map(Vec::len), Some(listed));
        match left_out {
            Some(words) => assert!(read.stdout.contains(words), "{words}"),
            None => assert!(!read.stdout.contains("more attempts")),
        }
    }
}
