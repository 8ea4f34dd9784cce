//! Both ends together: a connection beside facts of the host, and a capture beside the logs of its
//! incident, with one clock.

use std::path::{Path, PathBuf};

use rdpdoctor_host::fake::FakeSystem;
use rdpdoctor_host::{FactsFile, Side, collect};
use rdpdoctor_lab::{LoggedEvent, Options, Running, event_log, fault, start};
use rdpdoctor_model::{Fact, Timestamp, WindowsEvent};
use serde_json::Value;

use crate::host_causes::{SERVER, file, healthy, key_file, number};
use crate::lab::{self, Recorded};
use crate::recorder::Recorder;
use crate::support::{Run, cause, check, command, findings, folder, run};

pub const DROPPED: &str = "tls-key-unavailable-rst";
const CORE: &str = "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS";
const SESSIONS: &str = "Microsoft-Windows-TerminalServices-LocalSessionManager";
const MANAGER: &str = "Microsoft-Windows-TerminalServices-RemoteConnectionManager";
const CLIENT: &str = "Microsoft-Windows-TerminalServices-ClientActiveXCore";

/// A host whose key NETWORK SERVICE cannot read, and whose log says so.
pub fn unreadable_key() -> FakeSystem {
    let mut system = healthy();
    let access = file("O:SYG:SYD:PAI(A;;FA;;;SY)(A;;FA;;;BA)");
    system.files.insert(key_file().to_lowercase(), access);
    system.events = vec![WindowsEvent {
        provider: "Schannel".to_owned(),
        event_id: 36870,
        channel: "System".to_owned(),
        error: Some(0x8009_030D),
        ..WindowsEvent::default()
    }];
    system
}

/// The machine's facts, as of so many days ago, under this name.
pub fn facts(place: &Path, name: &str, system: &FakeSystem, computer: &str, days: i64) -> PathBuf {
    let at = Timestamp::now().plus_millis(-days * 86_400_000);
    facts_at(place, name, (Side::Host, system), computer, at)
}

/// The facts of one side, as of a moment, under this name.
fn facts_at(
    place: &Path,
    name: &str,
    (side, system): (Side, &FakeSystem),
    computer: &str,
    at: Timestamp,
) -> PathBuf {
    let mut facts = collect(system, side);
    for fact in &mut facts {
        if let Fact::FactsOf(of) = fact {
            (of.computer, of.collected_at) = (Some(computer.to_owned()), Some(at));
        }
    }
    let path = place.join(name);
    std::fs::write(&path, FactsFile::write(side, &facts)).expect("the file is written");
    path
}

pub async fn server(name: &str) -> Running {
    let listen = "127.0.0.1:0".parse().expect("an address");
    let options = Options::default();
    start(fault(name).expect("a fault"), listen, options).await.expect("it starts")
}

fn checked(server: &Running, facts: &[&Path]) -> Run {
    let paths: Vec<String> = facts.iter().map(|path| path.display().to_string()).collect();
    let more: Vec<&str> = paths.iter().flat_map(|path| ["--host-facts", path.as_str()]).collect();
    tokio::task::block_in_place(|| check(&server.address().to_string(), &more))
}

/// A check with a ticket or so for an answer.
pub fn checked_as(target: &str, more: &[&str]) -> Run {
    let more = ["check", target].into_iter().chain(more.iter().copied());
    tokio::task::block_in_place(|| run(command().args(more)))
}

/// The line of the host.
fn host_row(document: &Value) -> (String, String) {
    let stages = document["stages"].as_array().expect("stages");
    let row = stages.iter().find(|row| row["stage"] == "host").expect("a line about the host");
    let text = |name: &str| row[name].as_str().expect("a text").to_owned();
    (text("status"), text("detail"))
}

fn joined(document: &Value) -> Vec<&Value> {
    let all = document["observations"].as_array().expect("observations");
    all.iter().filter(|o| o["kind"] == "joined-evidence").collect()
}

// ── a check, and facts of its host ──────────────────────────────────────────────────────────────

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_dropped_handshake_is_proven_by_the_hosts_own_facts() {
    let place = folder("joined-key");
    let server = server(DROPPED).await;
    let alone = checked(&server, &[]).json();
    assert_eq!(cause(&alone), "tls.private-key-unavailable");
    assert_eq!(alone["verdict"]["proof"], "likely");

    let key = facts(&place, "facts.json", &unreadable_key(), "PC42", 0);
    let both = checked(&server, &[&key]);
    let document = both.json();
    let verdict = &document["verdict"];
    assert_eq!(
        (both.code, cause(&document), &verdict["proof"], &verdict["stage"]),
        (2, "host.certificate-key-permissions", &"proven".into(), &"tls".into())
    );
    assert_eq!(document["attempts"], Value::Array(Vec::new()), "one document, one verdict");
    let (_, detail) = host_row(&document);
    assert!(detail.ends_with("taken as its own on your word"), "{detail}");

    // A saved answer says the same again, with its facts inside.
    let saved = place.join("saved.json");
    std::fs::write(&saved, &both.stdout).expect("written");
    let again = run(command().args(["read", "--json"]).arg(&saved)).json();
    assert_eq!(again["verdict"], document["verdict"]);

    // A host in order leaves it as it was.
    let fine = facts(&place, "fine.json", &healthy(), "PC42", 0);
    let document = checked(&server, &[&fine]).json();
    assert_eq!(cause(&document), "tls.private-key-unavailable");
    assert_eq!(document["verdict"]["proof"], "likely");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn facts_of_another_machine_decide_nothing() {
    let place = folder("joined-other");
    let server = server("healthy-nla").await;
    let off = healthy().with(SERVER, "fDenyTSConnections", number(1));
    let other = facts(&place, "other.json", &off, "PC42", 0);
    let run = checked(&server, &[&other]);
    let document = run.json();
    assert_eq!((run.code, cause(&document)), (0, "healthy"), "{:?}", findings(&document));
    let (status, detail) = host_row(&document);
    assert_eq!(status, "skipped");
    assert_eq!(detail, "not used: facts of PC42, and another machine answered");
    assert_eq!(joined(&document)[0]["apart"], "other-machine");
    let shown = checked_as(
        &server.address().to_string(),
        &["--host-facts", other.to_str().expect("a path")],
    );
    assert!(shown.stdout.contains("not used: facts of PC42"), "{}", shown.stdout);
    assert!(!run.stdout.contains("fDenyTSConnections"), "nothing of it is in the evidence");

    // The same facts of the machine that answered: a connection came past the switch, so that is new.
    let own = facts(&place, "own.json", &off, "labpc01", 0);
    let run = checked(&server, &[&own]);
    let document = run.json();
    assert_eq!((run.code, cause(&document)), (1, "host.rdp-disabled"));
    assert_eq!(joined(&document)[0]["by"][0], "own-name");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn old_facts_are_said_and_newer_ones_count() {
    let place = folder("joined-old");
    let server = server(DROPPED).await;
    let old = facts(&place, "old.json", &unreadable_key(), "PC42", 3);
    let document = checked(&server, &[&old]).json();
    assert_eq!(cause(&document), "host.certificate-key-permissions");
    let (_, detail) = host_row(&document);
    assert!(detail.contains("; 3 days old"), "{detail}");

    let new = facts(&place, "new.json", &healthy(), "PC42", 0);
    let document = checked(&server, &[&old, &new]).json();
    assert_eq!(cause(&document), "tls.private-key-unavailable", "the key was mended since");
    // Of two machines, either of which may have answered, none decides.
    let second = facts(&place, "second.json", &unreadable_key(), "PC43", 0);
    let document = checked(&server, &[&old, &second]).json();
    assert_eq!(cause(&document), "tls.private-key-unavailable");
    let (status, detail) = host_row(&document);
    assert_eq!(status, "skipped");
    assert!(detail.contains("nothing says which machine answered"), "{detail}");
}

#[test]
fn facts_that_are_none_stop_it_before_a_packet_leaves() {
    let place = folder("joined-none");
    let broken = place.join("broken.json");
    std::fs::write(&broken, "{").expect("written");
    let client = place.join("client.json");
    let text = FactsFile::write(Side::Client, &collect(&healthy(), Side::Client));
    std::fs::write(&client, text).expect("written");
    for path in [&broken, &client, &place.join("missing.json")] {
        let run = check("127.0.0.1:9", &["--host-facts", path.to_str().expect("a path")]);
        assert_eq!((run.code, run.stdout.as_str()), (3, ""));
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    }
}

// ── a capture, and logs of the same incident ────────────────────────────────────────────────────

/// 2026-01-01, from which the lab's logs count.
const YEAR: &str = "2026-01-01T00:00:00Z";

/// A capture of one dropped handshake, when it was connected and over, and by whom.
struct Incident {
    place: PathBuf,
    capture: PathBuf,
    accepted: u64,
    ended: u64,
    client: String,
}

/// `None` where nothing can be recorded.
async fn incident(name: &str) -> Option<Incident> {
    let recorder = Recorder::start()?;
    let place = folder(name);
    let recorded = lab::recorded(fault(DROPPED).expect("a fault"), place.join("keys")).await;
    let Recorded { port, time, .. } = recorded;
    let capture = place.join("incident.pcap");
    let bytes = recorder.stop().pcap(port, time);
    std::fs::write(&capture, bytes).expect("it can be written");
    let document = read(&[&capture]).json();
    let all = document["observations"].as_array().expect("observations");
    let year: Timestamp = YEAR.parse().expect("a moment");
    let at = |seen: &Value| {
        let at: Timestamp = seen["at"].as_str().expect("a time").parse().expect("a moment");
        u64::try_from(at.millis_since(year)).expect("after 2026")
    };
    let connected = all.iter().find(|o| o["kind"] == "tcp-connected").expect("a connection");
    let of_it =
        |o: &&Value| o["kind"] == "stream-ended" && o["connection"] == connected["connection"];
    let ended = at(all.iter().find(of_it).expect("an end"));
    let client = connected["local"].as_str().expect("an address").to_owned();
    Some(Incident { accepted: at(connected), ended, client, place, capture })
}

fn read(paths: &[&Path]) -> Run {
    tokio::task::block_in_place(|| run(command().arg("read").args(paths).arg("--json")))
}

fn event(
    at_ms: u64,
    provider: &'static str,
    id: u32,
    data: &[(&'static str, &str)],
) -> LoggedEvent {
    let channel = match provider {
        CLIENT => "Microsoft-Windows-TerminalServices-RDPClient/Operational",
        _ => "System",
    };
    let data = data.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    LoggedEvent { at_ms, provider, id, channel, activity: None, data }
}

impl Incident {
    fn log(&self, name: &str, computer: &str, events: &[LoggedEvent]) -> PathBuf {
        let path = self.place.join(name);
        std::fs::write(&path, event_log(computer, events)).expect("the file is written");
        path
    }

    /// What a host writes of it whose clock is so much ahead.
    fn host_log(&self, name: &str, client: &str, ahead: u64) -> PathBuf {
        let accepted = self.accepted + ahead;
        let key = [("", "server"), ("", "0x8009030d"), ("", "10001")];
        let events = [
            event(accepted, CORE, 131, &[("ConnType", "TCP"), ("ClientIP", client)]),
            event(self.ended + ahead, "Schannel", 36870, &key),
        ];
        self.log(name, "PC42.corp.example", &events)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_capture_and_the_hosts_log_are_one_body_with_one_clock() {
    let Some(incident) = incident("joined-incident").await else { return };
    let ahead = 92_000;
    let log = incident.host_log("host.evtx", &incident.client, ahead);
    let both = read(&[&incident.capture, &log]);
    let document = both.json();
    assert_eq!((both.code, cause(&document)), (2, "tls.private-key-unavailable"));
    assert_eq!(document["attempts"], Value::Array(Vec::new()), "one attempt");
    let alone = read(&[&incident.capture]).json();
    let proofs = (&alone["verdict"]["proof"], &document["verdict"]["proof"]);
    assert_eq!(proofs, (&"likely".into(), &"proven".into()));
    let said = joined(&document);
    let [said] = said[..] else { panic!("{said:?}") };
    assert_eq!((&said["joined"], &said["by"][0]), (&true.into(), &"port".into()), "{said}");
    let told = said["clock_ahead_ms"].as_i64().expect("a difference");
    assert!(told.abs_diff(i64::try_from(ahead).expect("short")) <= 1, "{said}");
    // By one clock the host's entry stands where the capture saw the end.
    let all = document["observations"].as_array().expect("observations");
    let entry = all.iter().find(|o| o["event_id"] == 36870).expect("the entry");
    let wanted = incident.ended - incident.accepted;
    let at = entry["at_ms"].as_u64().expect("a time");
    assert!(at.abs_diff(wanted) <= 5, "{at} ms, not {wanted}");
    let (_, detail) = host_row(&document);
    let words = "the host's log fits, its clock 92.0 s ahead (1 event in both); ";
    assert!(detail.starts_with(words), "{detail}");
    let shown =
        tokio::task::block_in_place(|| run(command().arg("read").args([&incident.capture, &log])));
    assert!(shown.stdout.contains("its clock 92.0 s ahead"), "{}", shown.stdout);
    assert!(shown.stdout.lines().count() <= 24, "{}", shown.stdout);

    // With the machine's facts the reason behind it is proven; they are its own by the log's computer.
    let facts = facts(&incident.place, "facts.json", &unreadable_key(), "PC42", 0);
    let all = read(&[&facts, &incident.capture, &log]).json();
    assert_eq!(cause(&all), "host.certificate-key-permissions", "{:?}", findings(&all));
    assert_eq!(all["verdict"]["proof"], "proven");
    assert_eq!(
        (&all["verdict"]["stage"], &all["attempts"]),
        (&"tls".into(), &Value::Array(vec![]))
    );
    // Without the log nothing says whose facts they are.
    let apart = read(&[&facts, &incident.capture]).json();
    assert_eq!(apart["attempts"].as_array().map(Vec::len), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_only_looks_like_the_same_incident_is_kept_apart() {
    let Some(incident) = incident("joined-apart").await else { return };
    let other = incident.host_log("other.evtx", "10.0.0.77:50000", 0);
    let document = read(&[&incident.capture, &other]).json();
    assert_eq!(document["attempts"].as_array().map(Vec::len), Some(2), "another client");
    let of_capture = |document: &Value| {
        let all = document["attempts"].as_array().expect("attempts").clone();
        let seen = all.into_iter().find(|one| one["observations"][0]["source"] == "capture");
        seen.expect("the capture's")
    };
    let (status, detail) = host_row(&of_capture(&document));
    assert_eq!(status, "skipped");
    assert!(detail.ends_with("the log of PC42.corp.example, no event is in both"), "{detail}");

    // Its clock was set in between: there is no one difference.
    let accepted = incident.accepted + 92_000;
    let events = [
        event(accepted, CORE, 131, &[("ConnType", "TCP"), ("ClientIP", &incident.client)]),
        event(accepted + 3_900, SESSIONS, 40, &[("Session", "2"), ("Reason", "0")]),
    ];
    let steady = incident.log("steady.evtx", "PC42", &events[..1]);
    assert_eq!(read(&[&incident.capture, &steady]).json()["attempts"], Value::Array(vec![]));
    let set = incident.log("set.evtx", "PC42", &events);
    let document = read(&[&incident.capture, &set]).json();
    assert_eq!(document["attempts"].as_array().map(Vec::len), Some(2));
    let (_, detail) = host_row(&of_capture(&document));
    assert!(detail.contains("the clocks cannot be brought together"), "{detail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_clients_log_joins_as_well() {
    let Some(incident) = incident("joined-client").await else { return };
    let behind = 40_000;
    let log = incident.log(
        "client.evtx",
        "CLIENT7",
        &[
            event(
                incident.accepted - behind,
                CLIENT,
                1024,
                &[("Name", "Server Name"), ("Value", "127.0.0.1")],
            ),
            event(incident.ended - behind + 200, CLIENT, 1026, &[("Value", "2308")]),
        ],
    );
    let host = incident.host_log("host.evtx", &incident.client, 92_000);
    let document = read(&[&log, &host, &incident.capture]).json();
    assert_eq!(document["attempts"], Value::Array(vec![]));
    let said = joined(&document);
    let of = |source: &str| {
        let said = said.iter().find(|said| said["evidence_of"] == source);
        said.and_then(|said| said["clock_ahead_ms"].as_i64()).expect("a difference")
    };
    assert!((91_900..=92_100).contains(&of("host-log")));
    assert!((-40_300..=-39_700).contains(&of("client-log")), "{}", of("client-log"));
    // Everybody's name is masked.
    let masked = tokio::task::block_in_place(|| {
        run(command().args(["read", "--json", "--mask"]).args([&log, &host, &incident.capture]))
    });
    for name in ["CLIENT7", "PC42"] {
        assert!(!masked.stdout.contains(name), "{name}");
    }
}

/// Both ends' logs, without a capture.
#[test]
fn the_logs_of_both_ends_are_one_try() {
    let place = folder("joined-logs");
    let write = |name: &str, computer: &str, events: &[LoggedEvent]| {
        let path = place.join(name);
        std::fs::write(&path, event_log(computer, events)).expect("the file is written");
        path
    };
    let day = 86_400_000;
    let client = |asked: &str, end| {
        let asked = [("Name", "Server Name"), ("Value", asked)];
        [event(day, CLIENT, 1024, &asked), event(day + end, CLIENT, 1026, &[("Value", "2308")])]
    };
    let ahead = 92_000;
    let address = [("ConnType", "TCP"), ("ClientIP", "10.0.0.9:50000")];
    let key = [("", "server"), ("", "0x8009030d"), ("", "10001")];
    let host = write(
        "host.evtx",
        "PC42.corp.example",
        &[
            event(day + ahead + 300, CORE, 131, &address),
            event(day + ahead + 400, "Schannel", 36870, &key),
            event(day + ahead + 900, CORE, 103, &[("ReasonCode", "0")]),
        ],
    );
    let own = write("client.evtx", "CLIENT7", &client("pc42", 600));
    let document = run(command().arg("read").args([&own, &host]).arg("--json")).json();
    assert_eq!(document["attempts"], Value::Array(vec![]), "{:?}", findings(&document));
    assert_eq!(cause(&document), "tls.private-key-unavailable");
    let said = joined(&document);
    assert_eq!((said.len(), &said[0]["evidence_of"]), (1, &"client-log".into()));
    assert_eq!(said[0]["clock_ahead_ms"], -92_300, "{}", said[0]);

    // Another host; and one whose course was another.
    for (asked, end) in [("pc07", 600), ("pc42", 60_000)] {
        let other = write("other.evtx", "CLIENT7", &client(asked, end));
        let document = run(command().arg("read").args([&other, &host]).arg("--json")).json();
        assert_eq!(document["attempts"].as_array().map(Vec::len), Some(2), "{asked} {end}");
    }
}

/// A client whose clock was set between two tries: its own System log tells by how much.
#[test]
fn a_clock_that_was_set_between_two_tries() {
    let place = folder("joined-clock-set");
    let write = |name: &str, computer: &str, events: &[LoggedEvent]| {
        let path = place.join(name);
        std::fs::write(&path, event_log(computer, events)).expect("the file is written");
        path
    };
    let day = 86_400_000;
    let (hour, minutes) = (3_600_000, 600_000);
    let asked = [("Name", "Server Name"), ("Value", "pc42")];
    let of_client = |at, took| {
        [event(at, CLIENT, 1024, &asked), event(at + took, CLIENT, 1026, &[("Value", "2308")])]
    };
    let address = [("ConnType", "TCP"), ("ClientIP", "10.0.0.9:50000")];
    let of_host = |at, took| {
        [event(at, CORE, 131, &address), event(at + took, CORE, 103, &[("ReasonCode", "0")])]
    };
    let second = day + minutes;
    let host = [of_host(day, 600), of_host(second, 4_500)].concat();
    let host = write("host.evtx", "PC42.corp.example", &host);
    let client = [of_client(day, 600), of_client(second + hour, 4_500)].concat();
    let client = write("client.evtx", "CLIENT7", &client);
    let joined_tries = |files: &[&PathBuf]| {
        let document =
            run(command().arg("read").args(files).args(["--json", "--all-users"])).json();
        let attempts = document["attempts"].as_array().expect("attempts").clone();
        let is_joined = |one: &&Value| {
            let all = one["observations"].as_array().expect("observations");
            all.iter().any(|o| o["kind"] == "joined-evidence" && o["joined"] == true)
        };
        (attempts.len(), attempts.iter().filter(is_joined).count())
    };
    assert_eq!(joined_tries(&[&client, &host]), (4, 0), "now by this and then by that");
    let set = [
        ("NewTime", "2026-01-02T01:05:00.000Z"),
        ("OldTime", "2026-01-02T00:05:00.000Z"),
        ("Reason", "1"),
    ];
    let general = "Microsoft-Windows-Kernel-General";
    let system = [event(day + hour + minutes / 2, general, 1, &set)];
    let system = write("system.evtx", "CLIENT7", &system);
    assert_eq!(joined_tries(&[&client, &system, &host]), (2, 2));
    // Another machine's clock says nothing about it.
    let other = [event(day + hour + minutes / 2, general, 1, &set)];
    let other = write("other.evtx", "PC43", &other);
    assert_eq!(joined_tries(&[&client, &other, &host]), (4, 0));
}

// ── facts and logs of the same machine ──────────────────────────────────────────────────────────

const DAY: u64 = 86_400_000;

fn log_at(place: &Path, name: &str, computer: &str, events: &[LoggedEvent]) -> PathBuf {
    let path = place.join(name);
    std::fs::write(&path, event_log(computer, events)).expect("the file is written");
    path
}

/// So many days after the lab's logs begin.
fn on_day(days: i64) -> Timestamp {
    YEAR.parse::<Timestamp>().expect("a moment").plus_millis(days * 86_400_000)
}

/// A connection that came in and went no further, since Schannel could not use the key.
fn key_unusable(at_ms: u64) -> [LoggedEvent; 2] {
    let key = [("", "server"), ("", "0x8009030d"), ("", "10001")];
    let client = [("ConnType", "TCP"), ("ClientIP", "10.0.0.9:50000")];
    [event(at_ms, CORE, 131, &client), event(at_ms + 300, "Schannel", 36870, &key)]
}

/// A session that was opened.
fn session(at_ms: u64) -> [LoggedEvent; 2] {
    let client = [("ConnType", "TCP"), ("ClientIP", "10.0.0.9:50000")];
    let user = [("User", "CORP\\jo"), ("SessionID", "2"), ("Address", "10.0.0.9")];
    [event(at_ms, CORE, 131, &client), event(at_ms + 900, SESSIONS, 21, &user)]
}

fn attempts(document: &Value) -> usize {
    document["attempts"].as_array().map_or(0, Vec::len)
}

#[test]
fn facts_and_the_log_of_one_machine_prove_what_each_left_open() {
    let place = folder("joined-facts-log");
    let key = [("", "server"), ("", "0x8009030d"), ("", "10001")];
    let alone = [event(DAY, "Schannel", 36870, &key)];
    let log = log_at(&place, "System.evtx", "PC42.corp.example", &alone);
    let own = (Side::Host, &unreadable_key());
    let facts = facts_at(&place, "facts.json", own, "PC42", on_day(3));
    // The entry does not say whose key it is about.
    let open = read(&[&log]).json();
    assert_eq!(
        (cause(&open), &open["verdict"]["proof"]),
        ("tls.private-key-unavailable", &"likely".into())
    );
    for files in [[&*facts, &*log], [&*log, &*facts]] {
        let run = read(&files);
        let document = run.json();
        let verdict = &document["verdict"];
        assert_eq!(
            (run.code, cause(&document), &verdict["proof"], &verdict["stage"]),
            (2, "host.certificate-key-permissions", &"proven".into(), &"tls".into()),
            "{:?}",
            findings(&document)
        );
        assert_eq!(attempts(&document), 0, "one document");
        let [said] = joined(&document)[..] else { panic!("{:?}", joined(&document)) };
        assert_eq!((&said["evidence_of"], &said["joined"]), (&"host-facts".into(), &true.into()));
        assert_eq!(said["by"], serde_json::json!(["computer"]), "nobody asked for a name");
        assert_eq!(said["later_ms"], 2 * DAY);
        let cited = document["findings"][0]["evidence"].as_array().expect("ids").clone();
        let all = document["observations"].as_array().expect("observations");
        let sources: Vec<_> =
            all.iter().filter(|o| cited.contains(&o["id"])).map(|o| &o["source"]).collect();
        assert!(sources.contains(&&"host".into()) && sources.contains(&&"event-log".into()));
    }
    let text = run(command().arg("read").args([&facts, &log])).stdout;
    assert!(text.contains("; 2 days later, known by its own"), "{text}");
    assert!(text.lines().count() <= 24, "{text}");

    // A saved answer says the same again.
    let both = read(&[&facts, &log]);
    let saved = place.join("saved.json");
    std::fs::write(&saved, &both.stdout).expect("written");
    assert_eq!(read(&[&saved]).json()["verdict"], both.json()["verdict"]);

    // A host in order takes nothing back.
    let fine = facts_at(&place, "fine.json", (Side::Host, &healthy()), "PC42", on_day(3));
    let document = read(&[&fine, &log]).json();
    assert_eq!((attempts(&document), cause(&document)), (0, "tls.private-key-unavailable"));
}

#[test]
fn facts_of_a_machine_that_wrote_no_log_stay_apart() {
    let place = folder("joined-facts-apart");
    let log = log_at(&place, "System.evtx", "PC42.corp.example", &key_unusable(DAY));
    let other = facts_at(&place, "facts.json", (Side::Host, &unreadable_key()), "PC07", on_day(3));
    let run = read(&[&other, &log]);
    let document = run.json();
    assert_eq!((run.code, attempts(&document)), (2, 2), "{:?}", findings(&document));
    assert_eq!(
        (cause(&document), &document["target"]["host"]),
        ("tls.private-key-unavailable", &"PC42.corp.example".into())
    );
    let [said] = joined(&document)[..] else { panic!("{:?}", joined(&document)) };
    assert_eq!((&said["joined"], &said["apart"]), (&false.into(), &"other-machine".into()));
    let (_, detail) = host_row(&document);
    assert!(detail.ends_with("; facts of PC07 left out: of another machine"), "{detail}");
}

#[test]
fn of_many_attempts_those_get_the_facts_that_need_a_reason() {
    let place = folder("joined-facts-many");
    let fails = (1..=30).flat_map(|day| key_unusable(day * DAY));
    let events: Vec<LoggedEvent> =
        fails.chain(session(31 * DAY)).chain(session(32 * DAY)).collect();
    let log = log_at(&place, "System.evtx", "PC42.corp.example", &events);
    let own = (Side::Host, &unreadable_key());
    let facts = facts_at(&place, "facts.json", own, "PC42", on_day(33));
    let document =
        run(command().args(["read", "--json", "--all-users"]).args([&facts, &log])).json();
    let all = document["attempts"].as_array().expect("attempts");
    let with_facts = |one: &Value| joined(one).iter().any(|said| said["joined"] == true);
    let causes: Vec<(&str, bool)> = all.iter().map(|one| (cause(one), with_facts(one))).collect();
    let older = vec![("tls.private-key-unavailable", false); 11];
    let newest = vec![("host.certificate-key-permissions", true); 19];
    // The last one came past the key: a warning. The one before it worked, as the log says.
    let worked = vec![("healthy", false), ("host.certificate-key-permissions", true)];
    assert_eq!(causes, [older, newest, worked].concat());
    let verdicts: Vec<&Value> = all.iter().map(|one| &one["verdict"]["status"]).collect();
    assert_eq!((verdicts[30], verdicts[31]), (&"ok".into(), &"degraded".into()));
    assert_eq!(cause(&document), "host.certificate-key-permissions");

    // Read two months later they stand beside the last one alone.
    let late = facts_at(&place, "late.json", own, "PC42", on_day(92));
    let document =
        run(command().args(["read", "--json", "--all-users"]).args([&late, &log])).json();
    let all = document["attempts"].as_array().expect("attempts");
    let places: Vec<usize> = (0..all.len()).filter(|&place| with_facts(&all[place])).collect();
    assert_eq!(places, [31]);
}

/// What was collected of a log has no time: it stops nobody who came past it.
#[test]
fn collected_entries_beside_a_log_take_nothing_back_and_stop_nothing() {
    let place = folder("joined-facts-entries");
    let mut system = healthy();
    let signed_in = WindowsEvent {
        provider: MANAGER.to_owned(),
        event_id: 1149,
        user: Some("jo".to_owned()),
        ..WindowsEvent::default()
    };
    system.events = unreadable_key().events.into_iter().chain([signed_in]).collect();
    let facts = facts_at(&place, "facts.json", (Side::Host, &system), "PC42", on_day(3));
    let log = log_at(&place, "failed.evtx", "PC42", &key_unusable(DAY));
    let document = read(&[&facts, &log]).json();
    let verdict = &document["verdict"];
    assert_eq!(
        (cause(&document), &verdict["proof"]),
        ("tls.private-key-unavailable", &"proven".into())
    );
    let log = log_at(&place, "worked.evtx", "PC42", &session(DAY));
    let document = read(&[&facts, &log]).json();
    assert_eq!(
        (&document["verdict"]["status"], attempts(&document)),
        (&"degraded".into(), 0),
        "{:?}",
        findings(&document)
    );
}

#[test]
fn facts_of_a_client_and_its_log_are_one() {
    let place = folder("joined-facts-client");
    let asked = [("Name", "Server Name"), ("Value", "pc42")];
    let events =
        [event(DAY, CLIENT, 1024, &asked), event(DAY + 600, CLIENT, 1026, &[("Value", "2308")])];
    let log = log_at(&place, "client.evtx", "CLIENT7", &events);
    let own = facts_at(&place, "client.json", (Side::Client, &healthy()), "client7", on_day(1));
    let document = read(&[&own, &log]).json();
    assert_eq!(attempts(&document), 0, "{:?}", findings(&document));
    let [said] = joined(&document)[..] else { panic!("{:?}", joined(&document)) };
    assert_eq!(
        (&said["evidence_of"], &said["joined"], &said["stage"]),
        (&"client-facts".into(), &true.into(), &"client".into())
    );
    assert_eq!(document["target"]["host"], "pc42");
    // Facts of the host that it asked for are the other end of the same try.
    let host = facts_at(&place, "host.json", (Side::Host, &unreadable_key()), "PC42", on_day(1));
    let document = read(&[&own, &host, &log]).json();
    assert_eq!((attempts(&document), joined(&document).len()), (0, 2));
    assert!(
        findings(&document).iter().any(|found| found.contains("host.certificate-key-permissions")),
        "{:?}",
        findings(&document)
    );
    // Another client's.
    let other = facts_at(&place, "other.json", (Side::Client, &healthy()), "CLIENT8", on_day(1));
    let document = read(&[&other, &log]).json();
    let apart = document["attempts"].as_array().expect("attempts").iter().flat_map(joined);
    let apart: Vec<&Value> = apart.map(|said| &said["apart"]).collect();
    assert_eq!((attempts(&document), apart), (2, vec![&"other-machine".into()]));
}
