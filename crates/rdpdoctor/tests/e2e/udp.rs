//! RDP over UDP beside a healthy server: answered, lost, silent, rejected.

use std::net::SocketAddr;
use std::process::Command;

use rdpdoctor_lab::{Options, Running, fault, start};
use serde_json::Value;
use tokio::net::UdpSocket;

use crate::support::{Run, cause, command, findings, run};

async fn lab(name: &str) -> Running {
    let listen: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    start(fault(name).expect("a fault"), listen, Options::default()).await.expect("it starts")
}

async fn checked(target: &str, more: &[&str]) -> Run {
    let mut command: Command = command();
    command.args(["check", target, "--json"]).args(more);
    tokio::task::spawn_blocking(move || run(&mut command)).await.expect("it ran")
}

/// What came, and the words for it.
fn udp(document: &Value) -> Option<(&str, &str)> {
    let observations = document["observations"].as_array().expect("observations");
    let probe = observations.iter().find(|o| o["kind"] == "udp-probe")?;
    let stages = document["stages"].as_array().expect("stages");
    let stage = stages.iter().find(|stage| stage["stage"] == "udp").expect("the stage");
    Some((
        probe["reply"]["answer"].as_str().expect("an answer"),
        stage["detail"].as_str().expect("words"),
    ))
}

fn about_udp(document: &Value) -> Vec<String> {
    findings(document).into_iter().filter(|finding| finding.starts_with("udp.")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn udp_answers() {
    let running = lab("healthy-udp").await;
    let run = checked(&running.address().to_string(), &["--deep"]).await;
    let document = run.json();
    assert_eq!((run.code, cause(&document)), (0, "healthy"), "{:?}", findings(&document));
    let (answer, words) = udp(&document).expect("a probe");
    assert_eq!(answer, "syn-ack");
    assert!(words.contains("answers, version 2"), "{words}");
    assert_eq!(about_udp(&document), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn udp_answers_the_second_datagram() {
    let running = lab("healthy-udp-late").await;
    let run = checked(&running.address().to_string(), &["--deep"]).await;
    let document = run.json();
    assert_eq!((run.code, cause(&document)), (0, "healthy"), "{:?}", findings(&document));
    assert_eq!(about_udp(&document), ["udp.unstable info likely"]);
}

/// Offered and silent is waited for and warns; silent alone is worth knowing, and nobody waits for
/// it unasked.
#[tokio::test(flavor = "multi_thread")]
async fn udp_is_silent() {
    let running = lab("udp-silent").await;
    let run = checked(&running.address().to_string(), &[]).await;
    let document = run.json();
    assert_eq!((run.code, cause(&document)), (1, "udp.blocked"), "{:?}", findings(&document));
    assert_eq!(about_udp(&document), ["udp.blocked warning likely"]);
    assert_eq!(document["verdict"]["stage"], "udp");

    let running = lab("healthy-nla").await;
    let target = running.address();
    let _silent = UdpSocket::bind(target).await.expect("the same port");
    let run = checked(&target.to_string(), &["--deep"]).await;
    assert_eq!((run.code, about_udp(&run.json())), (0, vec!["udp.blocked info likely".to_owned()]));
    let run = checked(&target.to_string(), &[]).await;
    let document = run.json();
    let (answer, words) = udp(&document).expect("a probe");
    // On a machine that is busy for seconds, the silence may have been long enough.
    if answer != "silence" {
        assert_eq!((run.code, answer, about_udp(&document)), (0, "not-awaited", Vec::new()));
        assert!(words.starts_with("not waited for"), "{words}");
    }
}

/// Nothing listens, and the host says so: that is no fault of a server that does not offer UDP.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn udp_is_rejected() {
    let running = lab("healthy-nla").await;
    let run = checked(&running.address().to_string(), &["--deep"]).await;
    let document = run.json();
    let (answer, words) = udp(&document).expect("a probe");
    assert_eq!((run.code, answer), (0, "rejected"));
    assert!(words.contains("ICMP type 3 code 3"), "{words}");
    assert_eq!(about_udp(&document), Vec::<String>::new());
}

/// At most one exchange; none with `--no-side`, and none where the connection fails before.
#[tokio::test(flavor = "multi_thread")]
async fn udp_is_asked_once_or_not_at_all() {
    let asked = |document: &Value| {
        let observations = document["observations"].as_array().expect("observations");
        let udp = observations.iter().filter(|o| o["transport"] == "udp");
        udp.count()
    };
    let healthy = lab("healthy-udp").await;
    for (more, count) in [(&[][..], 1), (&["--deep"], 1), (&["--no-side"], 0)] {
        let run = checked(&healthy.address().to_string(), more).await;
        assert_eq!(asked(&run.json()), count, "{more:?}");
    }
    let failing = lab("tls-key-unavailable-fin").await;
    let run = checked(&failing.address().to_string(), &[]).await;
    assert_eq!((run.code, asked(&run.json())), (2, 0));
}
