//! Captures lose packets and begin late: what is missing in one did not go wrong on the wire.

use std::path::Path;

use rdpdoctor_lab::FAULTS;

use crate::lab::{self, Recorded};
use crate::recorder::Recorder;
use crate::support::{command, findings, folder, run};

/// What the check asks beside its connection offers no NLA, and is refused: alone it says just that.
const ASKED_BESIDE: &str = "nego.nla-required ";

/// Lengths of the headers of a capture (pcap) and of a packet in it.
const FILE_HEAD: usize = 24;
const PACKET_HEAD: usize = 16;

/// A healthy connection, straight and through a gateway: without any one of its packets, and without all
/// before any one, nothing of it blocks.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_capture_lacks_is_no_failure() {
    let Some(recorder) = Recorder::start() else { return };
    let place = folder("captures-loss");
    let mut checks = Vec::new();
    for name in ["healthy-nla", "healthy-gateway"] {
        let fault = FAULTS.iter().find(|fault| fault.name == name).expect("the fault");
        let keys = place.join(format!("{name}.keys"));
        checks.push((name, lab::recorded(fault, keys).await));
    }
    let recording = recorder.stop();
    let mut wrong = Vec::new();
    for (name, Recorded { port, time, keys, .. }) in checks {
        let whole = recording.pcap(port, time);
        let (head, packets) = (&whole[..FILE_HEAD], packets(&whole));
        assert!(packets.len() > 10, "{name}: {} packets", packets.len());
        for lost in 0..packets.len() {
            let without = [head, &packets[..lost].concat(), &packets[lost + 1..].concat()].concat();
            let late = [head, &packets[lost + 1..].concat()].concat();
            for (what, bytes) in [("without", without), ("from behind", late)] {
                let file = place.join(format!("{name}.pcap"));
                std::fs::write(&file, bytes).expect("it can be written");
                wrong.extend(
                    blocking(&file, &keys).map(|found| format!("{name} {what} {lost}: {found}")),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The packets of a capture, each with its head.
fn packets(capture: &[u8]) -> Vec<&[u8]> {
    let (mut rest, mut packets) = (&capture[FILE_HEAD..], Vec::new());
    while let Some(length) = rest.get(8..12) {
        let length = u32::from_le_bytes(length.try_into().expect("four bytes"));
        let (packet, behind) = rest.split_at(PACKET_HEAD + length as usize);
        packets.push(packet);
        rest = behind;
    }
    packets
}

/// A finding of this capture that blocks.
fn blocking(file: &Path, keys: &Path) -> Option<String> {
    let mut reading = command();
    reading.arg("read").arg(file).arg("--json").arg("--keylog").arg(keys);
    let read = run(&mut reading);
    if read.stdout.is_empty() {
        let nothing = read.stderr.contains("no Remote Desktop connection");
        return (!nothing).then_some(read.stderr);
    }
    let mut found = findings(&read.json()).into_iter();
    found.find(|found| found.contains(" blocking ") && !found.starts_with(ASKED_BESIDE))
}
