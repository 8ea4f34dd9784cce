//! `watch`: servers that go and come back, ways that change, firewalls that forget. Every step waits
//! for the line that tells the one before.

use std::io::{BufRead as _, BufReader, Lines};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use rdpdoctor_lab::{Options, fault, start};
use serde_json::Value;

use crate::network::{HOST, Network, sh};
use crate::support::{cause, command, findings, folder, run};

/// A watch under way, told line by line.
struct Watch {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    seen: Vec<Value>,
}

impl Watch {
    fn begin(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the watch starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Self { child, lines, seen: Vec::new() }
    }

    fn next(&mut self) -> Option<Value> {
        let line = self.lines.next()?.expect("a line");
        let value: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        self.seen.push(value.clone());
        Some(value)
    }

    /// The next line that is wanted.
    fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let Some(value) = self.next() else { panic!("it ended: {:?}", self.seen) };
            if wanted(&value) {
                return value;
            }
        }
    }

    fn tick(&mut self, status: &str) -> Value {
        self.until(|line| line["event"] == "tick" && line["status"] == status)
    }

    fn stop(&self) {
        let id = self.child.id().to_string();
        let killed = Command::new("kill").args(["-INT", &id]).status();
        assert!(killed.expect("kill runs").success());
    }

    /// The document behind all lines, and the exit code.
    fn finish(mut self) -> (Value, Option<i32>) {
        let document = self.until(|line| line.get("schema_version").is_some());
        assert!(self.next().is_none(), "the document is the last line");
        (document, self.child.wait().expect("it ends").code())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn watch(target: &str, more: &[&str]) -> Watch {
    let mut command = command();
    command.args(["watch", target, "--json", "--every", "5s"]).args(more);
    Watch::begin(command)
}

/// A server stops and starts again on the same port, with another certificate.
#[tokio::test(flavor = "multi_thread")]
async fn watch_sees_a_server_go_and_come_back() {
    let healthy = fault("healthy-nla").expect("a fault");
    let listen: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    let running = start(healthy, listen, Options::default()).await.expect("it starts");
    let address = running.address();
    let page = folder("watch").join("page.html");
    let path = page.to_str().expect("a path").to_owned();
    let mut watching = watch(&address.to_string(), &["--for", "10m", "--html", &path]);
    let begin = |mut watching: Watch, status: &'static str| {
        tokio::task::spawn_blocking(move || {
            let tick = watching.tick(status);
            (watching, tick)
        })
    };
    let tick;
    (watching, tick) = begin(watching, "ok").await.expect("a line");
    assert_eq!((&tick["number"], &tick["interface"]), (&1.into(), &"lo".into()), "{tick}");
    running.shutdown();
    let tick;
    (watching, tick) = begin(watching, "failed").await.expect("a line");
    assert_eq!(tick["cause"], "net.refused", "{tick}");
    let _again = start(healthy, address, Options::default()).await.expect("it starts again");
    let tick;
    (watching, tick) = begin(watching, "ok").await.expect("a line");
    let changed = tick["changes"].as_array().expect("changes");
    assert!(changed.iter().any(|change| change["aspect"] == "certificate"), "{tick}");
    watching.stop();
    let (document, code) = tokio::task::spawn_blocking(|| watching.finish()).await.expect("ends");
    assert_eq!((code, cause(&document)), (Some(1), "net.interrupted"), "{:?}", findings(&document));
    assert!(document["verdict"]["title"].as_str().is_some_and(|t| t.contains("net.refused")));
    let html = std::fs::read_to_string(&page).expect("the page");
    assert!(html.contains("<polyline") && html.contains("net.refused"), "{html}");
    assert!(html.contains("Connections of the try at "), "{html}");

    // The document is evidence like any other.
    let saved = page.with_file_name("watch.json");
    std::fs::write(&saved, document.to_string()).expect("a file");
    let read = run(command().arg("read").arg(&saved).arg("--json"));
    assert_eq!((read.code, cause(&read.json())), (1, "net.interrupted"), "{}", read.stdout);
    the_tries_that_prove_it_are_kept(&document, &read.json());

    // Its own tries show what was another thing when it failed.
    let saved = saved.to_str().expect("a path");
    let compared = run(command().args(["compare", "--json", "--good", saved, "--bad", saved]));
    let compared_document = compared.json();
    assert_eq!(compared.code, 1, "{}", compared.stdout);
    let causes = |group: &str| {
        let runs = compared_document[group]["runs"].as_array().expect("runs");
        runs.iter().map(|run| run["cause"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        (causes("a"), causes("b")),
        (vec!["net.interrupted".into()], vec!["net.refused".into()])
    );
    let differences = compared_document["differences"].as_array().expect("differences");
    assert!(differences.iter().any(|d| d["aspect"] == "connection"), "{differences:?}");
}

/// The try that failed with its connection, and the whole watch behind it; read again it is the same.
fn the_tries_that_prove_it_are_kept(document: &Value, read: &Value) {
    for kept in [document, read] {
        let attempts = kept["attempts"].as_array().expect("attempts");
        let causes: Vec<_> = attempts.iter().map(|a| &a["verdict"]["cause"]).collect();
        assert_eq!(causes, ["net.refused", "net.interrupted"]);
        let observations = attempts[0]["observations"].as_array().expect("observations");
        for kind in ["connection", "tcp-failed"] {
            let seen = observations.iter().find(|o| o["kind"] == kind).expect(kind);
            assert!(seen["at"].is_string() && seen["at_ms"].as_u64() > Some(4_000), "{seen}");
        }
        assert_eq!(attempts[1]["observations"], kept["observations"]);
        let stages = attempts[0]["stages"].as_array().expect("stages");
        let unreached = |stage: &Value| stage["stage"] == "desktop" && stage["status"] == "skipped";
        assert!(stages.iter().any(unreached), "{stages:?}");
    }
    assert_eq!(read["started_at"], document["started_at"]);
}

#[test]
fn watch_ends_as_the_last_try_does() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
    let target = free.expect("a free port").to_string();
    let (document, code) = watch(&target, &["--for", "1s"]).finish();
    assert_eq!((code, cause(&document)), (Some(2), "net.refused"));
    let told = run(command().args(["watch", &target, "--for", "1s", "--every", "1s"]));
    assert_eq!(told.code, 2, "{}", told.stdout);
    assert!(told.stdout.contains("FAILED    net.refused"), "{}", told.stdout);
    assert!(told.stdout.contains("1 try, 1 failed"), "{}", told.stdout);
    assert!(told.stderr.contains("--every 1s is taken as 5s"), "{}", told.stderr);
    assert!(told.stdout.lines().all(|line| line.chars().count() <= 80), "{}", told.stdout);
    let quiet = run(command().args(["watch", &target, "--for", "1s", "--every", "1s", "--quiet"]));
    assert_eq!(quiet.stderr, "");
}

#[test]
fn watch_that_is_stopped_before_the_first_answer() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
    let target = silent.local_addr().expect("an address").to_string();
    let watching = watch(&target, &["--for", "1m"]);
    let (_stream, _) = silent.accept().expect("a connection");
    watching.stop();
    let (document, code) = watching.finish();
    assert_eq!((code, document["verdict"]["status"].as_str()), (Some(3), Some("unknown")));
}

#[test]
fn watch_arguments_that_are_none() {
    for arguments in
        [&["watch"][..], &["watch", "host", "--for", "169h"], &["watch", "host", "--every", "x"]]
    {
        let ran = run(command().args(arguments));
        assert_eq!((ran.code, ran.stderr.lines().count()), (3, 1), "{arguments:?}: {ran:?}");
    }
}

fn within(network: &Network, more: &[&str]) -> Watch {
    let mut command = network.within("c");
    command.arg(env!("CARGO_BIN_EXE_rdpdoctor"));
    command.args(["watch", HOST, "--json", "--every", "5s", "--for", "10m", "--timeout", "2"]);
    command.args(more);
    Watch::begin(command)
}

/// A rule of a firewall appears while it is watched.
#[test]
fn watch_sees_a_port_being_blocked() {
    let Some(mut network) = Network::make() else { return };
    network.serve("healthy-nla");
    let mut watching = within(&network, &["--no-idle"]);
    watching.tick("ok");
    network.router("tcp dport 3389 drop");
    let tick = watching.tick("failed");
    assert_eq!(tick["cause"], "net.port-blocked", "{tick}");
    let changes = tick["changes"].as_array().expect("changes");
    let change = changes.iter().find(|c| c["aspect"] == "connection").expect("the connection");
    assert_eq!((&change["before"], &change["after"]), (&"connected".into(), &"no answer".into()));
    watching.stop();
    let (document, code) = watching.finish();
    assert_eq!((code, cause(&document)), (Some(2), "net.port-blocked"));
    // The last try that worked is kept, so that one sees what was another thing then.
    let attempts = document["attempts"].as_array().expect("attempts");
    let statuses: Vec<_> = attempts.iter().map(|a| &a["verdict"]["status"]).collect();
    assert_eq!(statuses, ["ok", "failed"]);
    let observations = attempts[0]["observations"].as_array().expect("observations");
    assert!(observations.iter().any(|o| o["kind"] == "tcp-connected"), "{observations:?}");
}

/// This machine leaves by another address of its own.
#[test]
fn watch_path_changed() {
    let Some(mut network) = Network::make() else { return };
    network.serve("healthy-nla");
    let mut watching = within(&network, &["--no-idle"]);
    watching.tick("ok");
    sh(&format!(
        "ip -n {0}c addr add 10.213.1.9/24 dev eth0
         ip -n {0}c route replace default via 10.213.1.1 src 10.213.1.9",
        network.id
    ));
    let tick = watching.until(|line| line["own_address"] == "10.213.1.9");
    assert!(
        tick["changes"].as_array().expect("changes").iter().any(|c| c["aspect"] == "own-address")
    );
    watching.stop();
    let (document, code) = watching.finish();
    let seen = findings(&document);
    assert_eq!((code, cause(&document)), (Some(1), "net.path-changed"), "{seen:?}");
    assert_eq!(document["verdict"]["proof"], "proven");
}

/// A firewall that forgets established connections after 7 seconds, and takes up none in the middle.
#[test]
fn watch_idle_cut() {
    let Some(mut network) = Network::make() else { return };
    network.router("ct state invalid drop");
    sh(&format!(
        "ip netns exec {}r sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0 \
         net.netfilter.nf_conntrack_tcp_timeout_established=7",
        network.id
    ));
    network.serve("healthy-nla");
    let mut watching = within(&network, &[]);
    let outcome = |outcome: &'static str| {
        move |line: &Value| {
            line["event"] == "idle" && line["outcome"] == outcome && line["disturbed"] == false
        }
    };
    watching.until(outcome("answered"));
    let cut = watching.until(outcome("silence"));
    assert!(cut["idle_ms"].as_u64().is_some_and(|ms| ms >= 10_000), "{cut}");
    watching.stop();
    let (document, code) = watching.finish();
    let seen = findings(&document);
    assert_eq!(code, Some(1), "{seen:?}");
    assert!(seen.contains(&"net.idle-cut warning likely".to_owned()), "{seen:?}");
    // The connection that was forgotten can be looked up in the firewall's log.
    let observations = document["observations"].as_array().expect("observations");
    let held = observations.iter().filter(|o| o["purpose"] == "idle");
    let numbers: Vec<_> = held.map(|o| (&o["number"], &o["connection"])).collect();
    assert!(numbers.len() >= 2 && numbers.iter().all(|(own, of)| own == of), "{numbers:?}");
    let lost = |o: &&Value| o["connection"] == *numbers[1].0 && o["kind"] == "stream-ended";
    assert_eq!(observations.iter().find(lost).expect("it ended")["ending"], "timeout");
    let mut all: Vec<_> = observations.iter().filter(|o| o["kind"] == "connection").collect();
    let count = all.len();
    all.dedup_by_key(|o| o["number"].clone());
    assert_eq!(all.len(), count, "each has a number of its own");
}
