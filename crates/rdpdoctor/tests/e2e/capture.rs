//! Captures: the same diagnosis as of the live failure.

use rdpdoctor_lab::FAULTS;

use crate::lab::{self, Recorded};
use crate::recorder::Recorder;
use crate::support::{cause, command, findings, folder, run};

/// Faults of which a capture does not hold what the verdict of `check` rests on, and why.
const NOT_IN_A_CAPTURE: &[(&str, &str)] = &[
    ("self-connection", "the name of the machine that checks"),
    ("tls-wrong-key", "what the client's library says of the signature"),
    ("cert-name-mismatch", "whom the client trusts; an untrusted certificate may bear any name"),
    ("cert-unknown-ca", "whom the client trusts"),
    ("cert-revoked", "what the authority says: another connection, to another place"),
    ("cert-revocation-unreachable", "the same"),
    ("nla-public-key-mismatch", "whether the proof is right, which the client keeps to itself"),
    ("session-no-picture", "the picture, which is not painted from a capture"),
];

/// Every fault of the lab is checked while its packets are recorded; `read` of the recording, with
/// the secrets of the check's own connections, must give the same cause. Without them it may know
/// less, and must not say anything else.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn read_agrees_with_check() {
    let Some(recorder) = Recorder::start() else { return };
    let place = folder("captures");
    let mut tasks = Vec::new();
    for &fault in FAULTS {
        let keys = place.join(format!("{}.keys", fault.name));
        tasks.push((fault, tokio::spawn(lab::recorded(fault, keys))));
    }
    let mut checks = Vec::new();
    for (fault, task) in tasks {
        checks.push((fault, task.await.expect("it ran")));
    }
    let recording = recorder.stop();
    let mut wrong = Vec::new();
    for (fault, Recorded { run: checked, port, keys }) in checks {
        let file = place.join(format!("{}.pcap", fault.name));
        std::fs::write(&file, recording.pcap(port)).expect("it can be written");
        let mut reading = command();
        reading.arg("read").arg(&file).arg("--json");
        let without = run(&mut reading);
        if keys.exists() {
            reading.arg("--keylog").arg(&keys);
        }
        let read = run(&mut reading);
        let expected = checked.json();
        let other = NOT_IN_A_CAPTURE.iter().find(|(name, _)| *name == fault.name);
        let wanted = if other.is_some() { "healthy" } else { cause(&expected) };
        if read.stdout.is_empty() {
            wrong.push(format!("{}: {}", fault.name, read.stderr));
            continue;
        }
        let document = read.json();
        if cause(&document) != wanted {
            wrong.push(format!(
                "{}: {:?}, not {wanted} as {:?}",
                fault.name,
                findings(&document),
                findings(&expected)
            ));
        }
        for finding in findings(&without.json()).iter().filter(|f| f.contains(" blocking ")) {
            let cause = finding.split(' ').next().unwrap_or_default();
            if !findings(&expected).iter().any(|other| other.starts_with(cause)) {
                wrong.push(format!("{} without secrets: {finding}", fault.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
