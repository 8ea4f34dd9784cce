//! RDP over UDP beside a healthy server: answered, lost, silent, rejected; and for a session that asks
//! for it.

use std::net::SocketAddr;
use std::process::Command;

use rdpdoctor_lab::{Options, PASSWORD, Running, USER, fault, start};
use serde_json::Value;
use tokio::net::UdpSocket;

use crate::support::{Run, cause, command, findings, folder, run};

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

/// A check that goes on to a session; what is remembered of it is the test's own.
async fn with_session(running: &Running, place: &str, more: &[&str]) -> Run {
    let target = running.address().to_string();
    let mut command: Command = command();
    command.args(["check", &target, "--json", "-u", USER, "--trust", "any", "--yes"]).args(more);
    command.env("XDG_STATE_HOME", folder(place)).env("RDPDOCTOR_PASSWORD", PASSWORD);
    tokio::task::spawn_blocking(move || run(&mut command)).await.expect("it ran")
}

fn seen<'a>(document: &'a Value, kind: &str) -> Vec<&'a Value> {
    let observations = document["observations"].as_array().expect("observations");
    observations.iter().filter(|o| o["kind"] == kind).collect()
}

const VERSION_3: u64 = 0x0101;
const E_ABORT: u32 = 0x8000_4004;

/// The server asks for UDP and waits for the answer: version 3 with its cookie is the one handshake, and
/// that no transport was made is said.
#[tokio::test(flavor = "multi_thread")]
async fn udp_of_a_session() {
    let running = lab("healthy-udp-cookie").await;
    let run = with_session(&running, "udp-of-a-session", &["--logon"]).await;
    let document = run.json();
    assert_eq!((run.code, cause(&document)), (0, "healthy"), "{:?}", findings(&document));
    let probes = seen(&document, "udp-probe");
    let [probe] = probes[..] else { panic!("{probes:?}") };
    assert_eq!((&probe["offered"], &probe["tries"]), (&VERSION_3.into(), &1.into()));
    assert_eq!(probe["reply"]["version"], VERSION_3);
    let (answer, words) = udp(&document).expect("a probe");
    assert_eq!(answer, "syn-ack");
    assert!(words.contains("answers, version 3, after"), "{words}");
    assert_eq!(about_udp(&document), Vec::<String>::new());

    let asked = seen(&document, "multitransport-request");
    let [asked] = asked[..] else { panic!("{asked:?}") };
    let told: Vec<_> = asked.as_object().expect("a fact").keys().map(String::as_str).collect();
    for key in told {
        let known = ["id", "source", "stage", "at", "at_ms", "origin", "connection", "kind"];
        let own = ["request_id", "requested_protocol"];
        assert!(known.contains(&key) || own.contains(&key), "{key}");
    }
    assert_eq!(seen(&document, "multitransport-response").len(), 1);
    let answers: Vec<_> = running.record().iter().filter_map(|r| r.transport_response).collect();
    assert_eq!(answers, [E_ABORT]);
}

/// A server whose datagrams go to somebody who does not know the session: one handshake says that UDP
/// does not get through, the second one that it does.
#[tokio::test(flavor = "multi_thread")]
async fn udp_does_not_know_the_session() {
    let running = lab("udp-cookie-silent").await;
    let run = with_session(&running, "udp-unknown", &["--logon"]).await;
    let document = run.json();
    assert_eq!((run.code, cause(&document)), (1, "udp.blocked"), "{:?}", findings(&document));
    let both = ["udp.blocked warning likely", "udp.cookie-unanswered info possible"];
    assert_eq!(about_udp(&document), both);
    assert_eq!(seen(&document, "udp-probe").len(), 1);
    let next = document["next_tests"].as_array().expect("next tests").iter();
    let deep = next.filter(|next| next["command"].as_str().is_some_and(|c| c.ends_with("--deep")));
    assert_eq!(deep.count(), 1);
    // What tells the two apart stands first.
    let first = document["next_tests"][0]["command"].as_str().expect("a test");
    assert!(first.ends_with("--deep"), "{first}");
    // The way to the session is not held up: the server was told at the end.
    assert_eq!(running.record()[0].transport_response, Some(E_ABORT));

    let run = with_session(&running, "udp-unknown-deep", &["--logon", "--deep", "--again"]).await;
    let document = run.json();
    assert_eq!((run.code, cause(&document)), (0, "healthy"), "{:?}", findings(&document));
    assert_eq!(about_udp(&document), ["udp.cookie-unanswered info likely"]);
    let mut offered: Vec<_> =
        seen(&document, "udp-probe").iter().filter_map(|probe| probe["offered"].as_u64()).collect();
    offered.sort_unstable();
    assert_eq!(offered, [2, VERSION_3]);
    let (_, words) = udp(&document).expect("a probe");
    assert!(words.contains("answers, version 2"), "{words}");
    assert!(words.contains("no answer to 3 datagrams with the session's cookie"), "{words}");
}

/// A session whose server asks for nothing has the handshake of every check.
#[tokio::test(flavor = "multi_thread")]
async fn udp_of_a_session_that_does_not_ask() {
    let running = lab("healthy-udp").await;
    for (more, offered) in [
        (&["--logon"][..], &[2][..]),
        (&["--logon", "--deep"], &[2]),
        (&["--logon", "--no-side"], &[]),
    ] {
        let place = format!("udp-unasked-{}", more.join(""));
        let run = with_session(&running, &place, more).await;
        let document = run.json();
        assert_eq!((run.code, cause(&document)), (0, "healthy"), "{:?}", findings(&document));
        let probes = seen(&document, "udp-probe").into_iter();
        let told: Vec<_> = probes.filter_map(|probe| probe["offered"].as_u64()).collect();
        assert_eq!(told, offered, "{more:?}");
    }
    // Asked nothing beside, a client cannot be asked for UDP either.
    let running = lab("healthy-udp-cookie").await;
    let run = with_session(&running, "udp-no-side", &["--logon", "--no-side"]).await;
    let document = run.json();
    assert_eq!((run.code, cause(&document)), (0, "healthy"), "{:?}", findings(&document));
    assert!(seen(&document, "multitransport-request").is_empty());
    assert!(seen(&document, "udp-probe").is_empty());
}

/// A document of a version that offered version 2 always, and did not say so.
#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_does_not_tell_what_was_offered() {
    let running = lab("udp-silent").await;
    let mut document = checked(&running.address().to_string(), &[]).await.json();
    for observation in document["observations"].as_array_mut().expect("observations") {
        if observation["kind"] == "udp-probe" {
            let fields = observation.as_object_mut().expect("a fact");
            assert_eq!(fields.remove("offered"), Some(2.into()));
        }
    }
    let file = folder("udp-old").join("old.json");
    std::fs::write(&file, document.to_string()).expect("it can be written");
    let read = run(command().arg("read").arg(&file).arg("--json")).json();
    assert_eq!(about_udp(&read), ["udp.blocked warning likely"]);
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
