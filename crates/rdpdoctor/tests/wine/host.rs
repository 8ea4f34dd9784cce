//! `host` and `client` on the machine itself: the registry, the services and the tasks of Wine are looked
//! at, changed for real and put back, with a server of the lab as the listener.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::check::lab;
use crate::programs::free_port;
use crate::wine::{Run, Wine, native, windows_path};

const SERVER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server";
const LISTENER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp";
const SERVICE: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\UmRdpService";
const SWITCH: &str = "fDenyTSConnections";

/// What Wine 8 has no means for; it answers with errors, which are "could not look". The clock is not
/// among them: whether somebody answers there is the network's.
const NOT_TOLD: [&str; 4] = [
    // NetUserEnum knows no level 3.
    "local-accounts",
    // Its WMI has no namespace root\cimv2\TerminalServices.
    "license-grace",
    // No Component Based Servicing.
    "installed-updates",
    // No power plan.
    "power-plan",
];

/// Longest wait for what another process does.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(100);

/// `host` under Wine, which has nothing to complain of.
fn host(wine: &Wine, arguments: &[&str]) -> Run {
    let run = Run::of(wine.command().arg("host").args(arguments));
    assert_eq!(run.stderr, "", "{run:?}");
    run
}

/// A program of Wine that has to do what it is told.
pub fn told(wine: &Wine, arguments: &[&str]) -> String {
    let run = Run::of(wine.under("wine").args(arguments));
    assert_eq!(run.code, 0, "{arguments:?}: {run:?}");
    run.stdout
}

fn set(wine: &Wine, key: &str, name: &str, kind: &str, data: &str) {
    told(wine, &["reg", "add", key, "/v", name, "/t", kind, "/d", data, "/f"]);
}

pub fn set_number(wine: &Wine, key: &str, name: &str, number: u32) {
    set(wine, key, name, "REG_DWORD", &number.to_string());
}

/// The key of the server and all below it, as `reg export` writes it.
fn registry(wine: &Wine) -> String {
    let file = wine.new_folder("registry").join("server.reg");
    told(wine, &["reg", "export", SERVER, &windows_path(&file), "/y"]);
    let bytes = std::fs::read(file).expect("the export");
    let units = bytes.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit));
    char::decode_utf16(units).map(|c| c.expect("UTF-16")).collect()
}

/// Remote Desktop switched off, at this port.
fn switched_off(wine: &Wine, port: u16) -> String {
    set_number(wine, SERVER, SWITCH, 1);
    set_number(wine, LISTENER, "PortNumber", u32::from(port));
    registry(wine)
}

fn is_on(wine: &Wine) -> bool {
    told(wine, &["reg", "query", SERVER, "/v", SWITCH]).contains("0x0")
}

pub fn observations<'a>(document: &'a Value, kind: &str) -> Vec<&'a Value> {
    let all = document["observations"].as_array().expect("observations");
    all.iter().filter(|o| o["kind"] == kind).collect()
}

pub fn what_is_set_is_read_and_judged(wine: &Wine) {
    let port = free_port();
    switched_off(wine, port);
    set(wine, SERVICE, "DependOnService", "REG_MULTI_SZ", r"RPCSS\0TermDD");
    set(wine, SERVICE, "ObjectName", "REG_SZ", "NT Authority\\J\u{f6}rg");
    let run = host(wine, &["--json"]);
    let document = run.json();
    let verdict = &document["verdict"];
    assert_eq!((run.code, &verdict["cause"]), (2, &"host.rdp-disabled".into()), "{verdict}");
    assert_eq!((&verdict["proof"], &verdict["stage"]), (&"proven".into(), &"tcp".into()));
    assert_eq!(document["target"]["port"], port);
    let of = observations(&document, "facts-of");
    assert_eq!((&of[0]["way"], &of[0]["elevated"]), (&"live".into(), &true.into()));
    let values = observations(&document, "registry-value");
    let data = |key: &str, name: &str| {
        let found = values.iter().find(|value| value["key"] == key && value["name"] == name);
        found.unwrap_or_else(|| panic!("no {name}"))["data"]["value"]["data"].clone()
    };
    assert_eq!(data(SERVER, SWITCH), 1);
    assert_eq!(data(SERVICE, "DependOnService"), serde_json::json!(["RPCSS", "TermDD"]));
    assert_eq!(data(SERVICE, "ObjectName"), "NT Authority\\J\u{f6}rg");
    let other = values.iter().find(|value| value["name"] == "TSServerDrainMode");
    assert_eq!(other.expect("a value that nobody set")["data"]["lookup"], "absent");
    // Row H079: the listener was tried.
    let refused = observations(&document, "tcp-failed");
    assert!(!refused.is_empty(), "the listener was not tried");
}

/// Where a connection comes past the switch all the same, it is no more than a warning.
pub fn a_listener_that_answers_weighs_more(wine: &Wine) {
    let authority = wine.new_folder("listener").join("ca.pem");
    let (_runtime, running) = lab("healthy-nla", &authority);
    switched_off(wine, running.address().port());
    let document = host(wine, &["--json"]).json();
    let stages = document["stages"].as_array().expect("stages");
    let tcp = stages.iter().find(|stage| stage["stage"] == "tcp").expect("tcp");
    assert_eq!(tcp["status"], "ok", "{tcp}");
    let findings = document["findings"].as_array().expect("findings");
    let found = findings.iter().find(|found| found["cause"] == "host.rdp-disabled");
    assert_eq!(found.expect("the switch")["severity"], "warning");
    // It is this machine that answers, and that is as it should be.
    assert!(findings.iter().all(|found| found["cause"] != "net.self-connection"));
}

pub fn what_cannot_be_read_is_said(wine: &Wine) {
    switched_off(wine, free_port());
    let file = wine.new_folder("facts").join("facts.json");
    let run = host(wine, &["collect", "-o", &windows_path(&file)]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""));
    let text = std::fs::read_to_string(&file).expect("the facts");
    let facts: Value = serde_json::from_str(&text).expect("JSON");
    let facts = facts["facts"].as_array().expect("facts");
    let not_told: BTreeSet<&str> = facts
        .iter()
        .filter(|fact| fact.to_string().contains(r#""lookup":"unavailable""#))
        .filter_map(|fact| fact["kind"].as_str())
        .filter(|kind| *kind != "clock-offset")
        .collect();
    assert_eq!(not_told, BTreeSet::from(NOT_TOLD));
    let here = Run::of(native().args(["host", "--json", "--facts"]).arg(&file));
    let document = here.json();
    assert_eq!((here.code, &document["verdict"]["cause"]), (2, &"host.rdp-disabled".into()));
}

pub fn a_client_is_looked_at(wine: &Wine) {
    let run = Run::of(wine.command().args(["client", "--json"]));
    let document = run.json();
    assert_eq!(run.stderr, "");
    let saved = observations(&document, "saved-credentials");
    assert_eq!(saved[0]["entries"], serde_json::json!({"lookup": "seen", "value": []}));
    let of = observations(&document, "facts-of");
    assert_eq!((&of[0]["way"], &of[0]["source"]), (&"live".into(), &"client".into()));
}

/// A run of `host fix` and what follows it, with its journal on drive C:.
struct Repair<'a> {
    wine: &'a Wine,
    state: String,
    journals: PathBuf,
}

impl<'a> Repair<'a> {
    fn new(wine: &'a Wine, name: &str) -> Self {
        let journals = wine.drive_c().join(name).join("runs");
        Self { wine, state: format!(r"C:\{name}"), journals }
    }

    fn apply(&self, cause: &str, more: &[&str]) -> (i32, Value) {
        let fix = ["fix", "--only", cause, "--apply", "--yes", "--json", "--state", &self.state];
        self.answer(&[&fix[..], more].concat())
    }

    fn answer(&self, arguments: &[&str]) -> (i32, Value) {
        let run = host(self.wine, arguments);
        (run.code, run.json())
    }

    fn end(&self, how: &str, run: &str) -> (i32, Value) {
        self.answer(&[how, run, "--json", "--state", &self.state])
    }

    /// The task that looks after a run at the next start.
    fn task(&self, run: &str) -> Option<String> {
        let path = self.wine.drive_c().join(r"windows/system32/tasks/rdpdoctor").join(run);
        let bytes = std::fs::read(path).ok()?;
        Some(String::from_utf8_lossy(&bytes).replace('\0', ""))
    }

    fn wait_for_the_end(&self, run: &str) -> String {
        let (journal, begun) = (self.journals.join(run).join("journal"), Instant::now());
        loop {
            let text = std::fs::read_to_string(&journal).expect("the journal");
            if text.contains(r#""did":"ended""#) {
                return text;
            }
            assert!(begun.elapsed() < PATIENCE, "{text}");
            std::thread::sleep(LOOK);
        }
    }
}

fn name(answer: &Value) -> String {
    answer["run"].as_str().unwrap_or_else(|| panic!("no run: {answer}")).to_owned()
}

pub fn a_fix_goes_there_and_back(wine: &Wine) {
    let authority = wine.new_folder("repair").join("ca.pem");
    let (_runtime, running) = lab("healthy-nla", &authority);
    let before = switched_off(wine, running.address().port());
    let repair = Repair::new(wine, "there-and-back");
    let planned = host(wine, &["fix", "--only", "host.rdp-disabled", "--json"]);
    assert_eq!(planned.code, 3, "{planned:?}");
    assert_eq!(registry(wine), before, "a plan changes nothing");

    let (code, applied) = repair.apply("host.rdp-disabled", &["--change", "CHG1"]);
    let run = name(&applied);
    assert_eq!(code, 1, "not yet confirmed: {applied}");
    assert!(is_on(wine));
    // Wine keeps the task's settings, and neither its trigger nor what it runs; asked for a task that is
    // not there, its `schtasks /query` says that it is (answers 0).
    let task = repair.task(&run).expect("a task for the next start");
    assert!(task.contains("<ExecutionTimeLimit>PT0S<"), "{task}");

    let (code, back) = repair.end("rollback", &run);
    assert_eq!(code, 2, "{back}");
    assert_eq!(registry(wine), before);
    assert_eq!(repair.task(&run), None);

    let (code, applied) = repair.apply("host.rdp-disabled", &[]);
    let run = name(&applied);
    assert_eq!(code, 1, "{applied}");
    let (code, kept) = repair.end("confirm", &run);
    assert_eq!((code, is_on(wine)), (0, true), "{kept}");
    assert_eq!(repair.task(&run), None);
    let only = before
        .replace("\"fDenyTSConnections\"=dword:00000001", "\"fDenyTSConnections\"=dword:00000000");
    assert_eq!(registry(wine), only, "nothing else was changed");
    let (code, back) = repair.end("rollback", &run);
    assert_eq!((code, registry(wine) == before), (2, true), "{back}");
}

pub fn nobody_confirms(wine: &Wine) {
    let authority = wine.new_folder("nobody").join("ca.pem");
    let (_runtime, running) = lab("healthy-nla", &authority);
    let before = switched_off(wine, running.address().port());
    let repair = Repair::new(wine, "nobody");
    let (_, applied) = repair.apply("host.rdp-disabled", &["--confirm-within", "2s"]);
    let journal = repair.wait_for_the_end(&name(&applied));
    assert!(journal.contains("nobody confirmed it in time"), "{journal}");
    assert_eq!(registry(wine), before);
}

/// The service of Wine runs and listens to nobody.
pub fn a_handshake_that_fails_takes_it_back(wine: &Wine) {
    let before = switched_off(wine, free_port());
    let repair = Repair::new(wine, "fails");
    let (code, back) = repair.apply("host.rdp-disabled", &[]);
    assert_eq!(code, 2, "{back}");
    assert_eq!(registry(wine), before);
    assert_eq!(repair.task(&name(&back)), None);
}

pub fn a_service_is_started_and_stopped(wine: &Wine) {
    let authority = wine.new_folder("service").join("ca.pem");
    let (_runtime, running) = lab("healthy-nla", &authority);
    switched_off(wine, running.address().port());
    let runs = || told(wine, &["sc", "query", "TermService"]).contains("RUNNING");
    assert!(!runs());
    let repair = Repair::new(wine, "service");
    let (code, applied) = repair.apply("host.service-stopped", &[]);
    assert_eq!((code, runs()), (1, true), "{applied}");
    let (code, back) = repair.end("rollback", &name(&applied));
    assert_eq!((code, runs()), (2, false), "{back}");
}
