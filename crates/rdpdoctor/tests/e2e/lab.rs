//! Every fault of the lab against the real command: the cause, the status, the proof, and nothing
//! that blocks on a healthy server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::SystemTime;

use rdpdoctor_diagnosis::{CATALOGUE, Reproduction};
use rdpdoctor_lab::{Depth, FAULTS, Fault, Options, PASSWORD, USER, fault, start};
use serde_json::Value;

use crate::support::{Run, TURNS, cause, command, findings, folder, run};

/// Stages that stay silent are not waited for longer than this.
const TIMEOUT: &str = "4";

/// Starts a fault and checks it.
async fn checked(fault: &'static Fault, more: &[&str]) -> Run {
    checked_in(fault, more, fault.name, Way::Usual("http")).await.0
}

/// How a check goes to the lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As the fault has it, with this protocol where it has a proxy.
    Usual(&'static str),
    /// By a proxy of this protocol in front of the fault.
    Proxied(&'static str),
    /// Straight, with a file that lets nothing be negotiated, to a server that wants it so.
    Directly,
    /// The same, held to be what it is on whatever port.
    DirectlyAnywhere,
    /// The same by a proxy of this protocol.
    DirectlyBy(&'static str),
}

impl Way {
    fn scheme(self) -> &'static str {
        match self {
            Self::Usual(scheme) | Self::Proxied(scheme) | Self::DirectlyBy(scheme) => scheme,
            Self::Directly | Self::DirectlyAnywhere => "http",
        }
    }

    fn is_direct(self) -> bool {
        matches!(self, Self::Directly | Self::DirectlyAnywhere | Self::DirectlyBy(_))
    }
}

/// A check with the port and the secrets of its connections.
pub struct Recorded {
    pub run: Run,
    pub port: u16,
    /// From before the server listened until its check had ended.
    pub time: [SystemTime; 2],
    pub keys: PathBuf,
}

/// Starts a fault and checks it, and keeps the secrets of the connections.
pub async fn recorded(fault: &'static Fault, keys: PathBuf) -> Recorded {
    recorded_by(fault, keys, Way::Usual("http")).await
}

/// The same on this way.
pub async fn recorded_by(fault: &'static Fault, keys: PathBuf, way: Way) -> Recorded {
    let file = keys.to_str().expect("UTF-8").to_owned();
    let place = format!("recorded-{way:?}-{}", fault.name).replace(['(', ')', '"'], "-");
    let more = ["--json", "--keylog", &file];
    let (run, port, time) = checked_in(fault, &more, &place, way).await;
    Recorded { run, port, time, keys }
}

/// The check's answer, the port that it was connected to, and the time in which nobody else had it.
pub async fn checked_in(
    fault: &'static Fault,
    more: &[&str],
    place: &str,
    way: Way,
) -> (Run, u16, [SystemTime; 2]) {
    let _turn = TURNS.acquire().await.expect("a turn");
    let (scheme, folder) = (way.scheme(), folder(place));
    let ca_file = folder.join("ca.pem");
    let options = Options {
        ca_file: Some(ca_file.clone()),
        direct: way.is_direct(),
        proxied: matches!(way, Way::Proxied(_) | Way::DirectlyBy(_)),
        ..Options::default()
    };
    let listen: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    let running = start(fault, listen, options).await.expect("the fault starts");
    let begun = SystemTime::now();
    let mut command = command();
    // A name where the name in the certificate matters.
    let host = if fault.name == "cert-name-mismatch" { "localhost" } else { "127.0.0.1" };
    let port = running.address().port();
    let target = format!("{host}:{port}");
    if fault.is_gateway() {
        // Whatever host is asked for, the gateway's one server answers.
        command.args(["check", "labpc01.lab.example", "--gateway", &target]);
    } else if way.is_direct() {
        let file = folder.join("way.rdp");
        let text = format!("full address:s:{target}\r\nnegotiate security layer:i:0\r\n");
        std::fs::write(&file, text).expect("it can be written");
        command.arg("check").arg(file);
    } else {
        command.args(["check", &target]);
    }
    command.args(["--timeout", TIMEOUT]).args(more);
    if let Some(proxy) = running.proxy() {
        command.args(["--proxy", &format!("{scheme}://{proxy}")]);
    }
    let seen = running.proxy().map_or(port, |proxy| proxy.port());
    sign_in(&mut command, fault, place);
    command.env("SSL_CERT_FILE", &ca_file);
    let answer = tokio::task::spawn_blocking(move || run(&mut command)).await.expect("it ran");
    let time = [begun, SystemTime::now()];
    running.shutdown();
    (answer, seen, time)
}

/// The lab's account where the fault lies behind the sign-in; what is remembered of it is the
/// test's own.
fn sign_in(command: &mut Command, fault: &Fault, place: &str) {
    let folder = folder(&format!("{place}-state"));
    command.env("XDG_STATE_HOME", &folder).env("RDPDOCTOR_PASSWORD", PASSWORD);
    if fault.depth() != Depth::Challenge {
        command.args(["-u", USER]);
        // A gateway's certificate is refused unless it is trusted, whatever the host's.
        if !fault.name.starts_with("gateway-certificate-") {
            command.args(["--trust", "any"]);
        }
    }
    if fault.name == "nla-restricted-admin-disabled" {
        command.arg("--restricted-admin");
    }
    if fault.name.starts_with("rdpsec-") || fault.name.starts_with("healthy-rdp-") {
        // Otherwise that there is no TLS is the first thing to say.
        command.args(["--security", "rdp"]);
    }
    if fault.depth() == Depth::Session {
        command.arg("--yes").arg("--desktop").arg(folder.join("desktop.png"));
    }
}

fn exit_code(document: &Value) -> i32 {
    match document["verdict"]["status"].as_str() {
        Some("ok") => 0,
        Some("degraded") => 1,
        Some("failed") => 2,
        _ => 3,
    }
}

/// One line a fault; the snapshot shows every change of any verdict.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_fault_gives_its_cause() {
    let mut tasks = Vec::new();
    for &fault in FAULTS {
        tasks.push((fault, tokio::spawn(checked(fault, &["--json"]))));
    }
    let (mut wrong, mut table) = (Vec::new(), String::new());
    for (fault, task) in tasks {
        let run = task.await.expect("it ran");
        let document = run.json();
        let found = cause(&document);
        if found != fault.cause.unwrap_or("healthy") {
            wrong.push(format!("{}: {found}", fault.name));
        }
        assert_eq!(run.code, exit_code(&document), "{}", fault.name);
        let status = document["verdict"]["status"].as_str().unwrap_or_default();
        table.push_str(&format!("{}: {status}\n", fault.name));
        for finding in findings(&document) {
            if fault.cause.is_none() {
                assert!(finding.contains(" info "), "{}: {finding}", fault.name);
            }
            table.push_str(&format!("    {finding}\n"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    insta::assert_snapshot!("verdicts", table);
}

/// The catalogue and the lab name each other.
#[test]
fn causes_and_faults_name_each_other() {
    for cause in CATALOGUE {
        if let Reproduction::Lab(faults) = cause.reproduction {
            for name in faults {
                let known = fault(name).unwrap_or_else(|| panic!("{}: no fault {name}", cause.id));
                let gives = known.cause.unwrap_or("dns.other-name");
                assert_eq!(gives, cause.id.0, "{name}");
            }
        }
    }
    for fault in FAULTS {
        if let Some(id) = fault.cause {
            assert!(CATALOGUE.iter().any(|cause| cause.id.0 == id), "{}: {id}", fault.name);
        }
    }
}

/// What a person reads, with ports and times made the same.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_reads() {
    for name in
        ["tls-key-unavailable-fin", "healthy-nla", "net-silent-listener", "wrong-service-ssh"]
    {
        let run = checked(fault(name).expect("a fault"), &["--reported", "0x904:0x7"]).await;
        let lines: Vec<_> = run.stdout.lines().collect();
        assert!(lines.len() <= 24, "{name}: {} lines", lines.len());
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{name}");
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT");
        settings.add_filter(r"port \d+", "port PORT");
        settings.add_filter(r"Port \d+", "Port PORT");
        settings.add_filter(r"(LocalPort|owns) \d+", "$1 PORT");
        settings.add_filter(r"waited \d+\.\d s", "waited N s");
        settings.add_filter(r"\bo\d+\b", "oN");
        settings.add_filter(r"(under )?\d+(\.\d+)? ms", "N ms");
        settings.add_filter(r"\d{4}-\d\d-\d\d", "DATE");
        // Whether its answer came before the rest was done is a matter of milliseconds.
        settings.add_filter(r"(?m)^  \S+ +UDP  .*\n", "");
        settings.bind(|| insta::assert_snapshot!(name, run.stdout));
    }
}

/// Without side questions there is one connection, and the verdict of a healthy server is the same.
#[tokio::test(flavor = "multi_thread")]
async fn one_connection_without_side_questions() {
    let run = checked(fault("healthy-nla").expect("a fault"), &["--json", "--no-side"]).await;
    let document = run.json();
    let connections = document["observations"]
        .as_array()
        .expect("observations")
        .iter()
        .filter(|o| o["kind"] == "connection")
        .count();
    assert_eq!((connections, cause(&document)), (1, "healthy"));
}

/// The one ClientHello offers all that `mstsc` does and stays small enough for old middleboxes.
#[tokio::test(flavor = "multi_thread")]
async fn the_client_hello_stays_below_600_bytes() {
    let run = checked(fault("healthy-nla").expect("a fault"), &["--json"]).await;
    let document = run.json();
    let hello = document["observations"].as_array().expect("observations").iter();
    let length = hello.filter(|o| o["kind"] == "client-hello").filter_map(|o| o["length"].as_u64());
    let length = length.max().expect("a ClientHello");
    assert!((200..600).contains(&length), "{length} bytes");
}
