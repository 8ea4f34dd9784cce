//! `host fix`, `host confirm`, `host rollback`, on a machine that is made up: its listener takes
//! connections only while its registry says so, and stands before a real server of the lab.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rdpdoctor_host::fake::FakeSystem;
use rdpdoctor_host::{FactsFile, MachineFile, Side, System as _};
use rdpdoctor_lab::{Options, Running, fault, start};
use rdpdoctor_model::{
    Fact, FactsOf, FactsWay, Lookup, RegistryData, RegistryValue, ServiceState, SettingOwner,
    WindowsService, WindowsSession,
};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Run, cause, check, command, folder, run};

const SERVER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server";
const LISTENER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp";
const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services";
const SWITCH: &str = "fDenyTSConnections";

// ── plans from facts ────────────────────────────────────────────────────────────────────────────

fn value(key: &str, name: &str, number: u32) -> Fact {
    let owner = match key {
        POLICY => SettingOwner::GroupPolicy { name: None },
        _ => SettingOwner::Local,
    };
    Fact::RegistryValue(Box::new(RegistryValue {
        key: key.to_owned(),
        name: name.to_owned(),
        data: Lookup::seen(RegistryData::Dword(number)),
        owner,
    }))
}

fn session(session: u32, own: bool) -> WindowsSession {
    WindowsSession {
        session,
        state: 0,
        station: format!("RDP-Tcp#{session}"),
        user: Some(r"CORP\anna".to_owned()),
        idle_ms: None,
        signed_in_at: None,
        disconnected_at: None,
        client_address: None,
        client_name: None,
        own,
    }
}

fn facts(name: &str, more: Vec<Fact>) -> PathBuf {
    let of = Fact::FactsOf(FactsOf {
        computer: Some("PC42".to_owned()),
        collected_at: Some("2026-11-20T10:00:00Z".parse().expect("a moment")),
        way: FactsWay::Script,
        elevated: Some(true),
        missing_parts: Vec::new(),
    });
    let running = ServiceState { current: ServiceState::RUNNING, process: 1, exit_code: 0 };
    let service = |name: &str| {
        let state = Lookup::seen(running.clone());
        Fact::WindowsService(WindowsService { name: name.to_owned(), state })
    };
    let mut all = vec![of, service("SessionEnv"), service("TermService")];
    all.extend(more);
    let path = folder(name).join("facts.json");
    std::fs::write(&path, FactsFile::write(Side::Host, &all)).expect("written");
    path
}

/// Switched off by hand, while three people are at work.
fn off(name: &str) -> PathBuf {
    let sessions = vec![session(2, false), session(3, false), session(4, true)];
    facts(
        name,
        vec![
            value(SERVER, SWITCH, 1),
            value(LISTENER, "PortNumber", 3389),
            value(POLICY, "MaxDisconnectionTime", 300_000),
            Fact::WindowsSessions { sessions: Lookup::seen(sessions) },
        ],
    )
}

fn fix(path: &PathBuf, more: &[&str]) -> Run {
    run(command().args(["host", "fix", "--facts"]).arg(path).args(more))
}

#[test]
fn the_plan_is_shown_and_nothing_is_changed() {
    let path = off("repair-plan");
    let shown = fix(&path, &[]);
    assert_eq!((shown.code, shown.stderr.as_str()), (3, ""));
    insta::assert_snapshot!("repair-plan", shown.stdout);
    insta::assert_snapshot!("repair-plan-json", fix(&path, &["--json"]).stdout);

    let out = path.with_file_name("plan.json");
    let out = out.to_str().expect("a path");
    let written = fix(&path, &["--plan-out", out, "--json"]).json();
    let sum = std::fs::read_to_string(path.with_file_name("plan.sha256")).expect("a sum");
    assert_eq!(sum, format!("{}  plan.json\n", written["plan_sha256"].as_str().expect("a sum")));
    let page = std::fs::read_to_string(path.with_file_name("plan.html")).expect("a page");
    insta::assert_snapshot!("repair-plan-page", page.split("</style>").nth(1).expect("a body"));
}

#[test]
fn names_are_masked_in_a_plan() {
    let path = off("repair-mask");
    for more in [&["--mask"][..], &["--mask", "--json"]] {
        let masked = fix(&path, more);
        assert_eq!((masked.code, masked.stderr.as_str()), (3, ""));
        assert!(!masked.stdout.contains("PC42"), "{}", masked.stdout);
        assert!(masked.stdout.contains("fDenyTSConnections"));
    }
}

/// The page of the documentation shows what the program says.
#[test]
fn the_documentation_shows_this_plan() {
    let shown = fix(&off("repair-docs"), &[]).stdout;
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/repair.md"));
    let page = page.expect("the page");
    assert!(page.contains(&shown), "docs/repair.md does not show this plan:\n{shown}");
}

#[test]
fn what_a_policy_owns_is_refused_by_its_path() {
    let path = facts("repair-policy", vec![value(SERVER, SWITCH, 1), value(POLICY, SWITCH, 1)]);
    let refused = fix(&path, &[]);
    assert_eq!(refused.code, 3);
    insta::assert_snapshot!("repair-policy", refused.stdout);
    let stop_gap = fix(&path, &["--even-if-policy"]);
    assert_eq!(stop_gap.code, 3);
    insta::assert_snapshot!("repair-stop-gap", stop_gap.stdout);
}

#[test]
fn what_cannot_be_done_gets_one_line() {
    let path = off("repair-usage");
    for more in [
        &["--apply"][..],
        &["--apply", "--yes"],
        &["--only", "host.no-such"],
        &["--not-before", "tomorrow"],
        &["--change", ""],
        &["--confirm-within", "0"],
        &["--finish", "20261121-101010"],
    ] {
        let run = fix(&path, more);
        assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{more:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{more:?}: {}", run.stderr);
    }
    for words in [["host", "fix"], ["client", "fix"], ["host", "rollback"]] {
        let run = run(command().args(words));
        assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{words:?}");
        assert!(run.stderr.contains("does not run Windows"), "{words:?}: {}", run.stderr);
    }
}

// ── a machine that can be changed ───────────────────────────────────────────────────────────────

pub struct TestMachine {
    pub folder: PathBuf,
    address: SocketAddr,
    _lab: Running,
}

impl TestMachine {
    /// A machine whose Remote Desktop is switched off; who repairs it came by SSH.
    pub async fn start(name: &str) -> Self {
        let folder = folder(name);
        let any = "127.0.0.1:0";
        let lab = start(
            fault("healthy-nla").expect("a fault"),
            any.parse().expect("an address"),
            Options::default(),
        );
        let lab = lab.await.expect("it starts");
        let listener = TcpListener::bind(any).await.expect("a socket");
        let address = listener.local_addr().expect("an address");
        let machine = FakeSystem::default()
            .with(SERVER, SWITCH, RegistryData::Dword(1))
            .with(LISTENER, "PortNumber", RegistryData::Dword(address.port().into()))
            .running("TermService")
            .running("SessionEnv");
        let boot = Some("1".to_owned());
        let came_by = Some("an SSH session".to_owned());
        let machine = FakeSystem { boot, came_by, ..machine };
        let file = folder.join("machine.json");
        MachineFile::write(&file, &machine).expect("written");
        let server = lab.address();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let machine = MachineFile::open(&file).expect("a machine");
                let on = machine.registry_value(SERVER, SWITCH);
                if on.as_seen() != Some(&RegistryData::Dword(0)) {
                    continue;
                }
                tokio::spawn(async move {
                    let mut host = TcpStream::connect(server).await.expect("the lab");
                    let _ = copy_bidirectional(&mut client, &mut host).await;
                });
            }
        });
        Self { folder, address, _lab: lab }
    }

    pub fn say(&self, words: &[&str]) -> Run {
        tokio::task::block_in_place(|| {
            run(command()
                .arg("host")
                .args(words)
                .arg("--machine")
                .arg(self.folder.join("machine.json"))
                .arg("--state")
                .arg(self.folder.join("state")))
        })
    }

    fn check(&self) -> Run {
        tokio::task::block_in_place(|| check(&self.address.to_string(), &["--no-side"]))
    }

    pub fn machine(&self) -> FakeSystem {
        let text = std::fs::read_to_string(self.folder.join("machine.json")).expect("a machine");
        serde_json::from_str(&text).expect("a machine")
    }

    pub fn is_on(&self) -> bool {
        let value = self.machine().registry_value(SERVER, SWITCH);
        value.as_seen() == Some(&RegistryData::Dword(0))
    }

    /// Waits until the last run is over; the machine may be busy, so the limit is far away.
    pub fn wait_until_back(&self) {
        let begun = Instant::now();
        while self.is_on() || self.machine().log.last().is_none_or(|event| event.id != 2) {
            assert!(begun.elapsed() < Duration::from_secs(120), "nothing was taken back");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends the process that looks after a run, without a chance to say good-bye.
    #[cfg(target_os = "linux")]
    fn kill_helper(&self, run: &str) {
        let wanted = |id: &u32| {
            let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
            words.contains(&"watch-run".as_bytes()) && words.contains(&run.as_bytes())
        };
        let all = std::fs::read_dir("/proc").expect("processes").flatten();
        let ids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let own = |id: &u32| {
            let state = self.folder.join("state");
            let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(state.to_str().expect("a path"))
        };
        let ids: Vec<u32> = ids.filter(wanted).filter(own).collect();
        let [id] = ids[..] else { panic!("{} processes look after the run", ids.len()) };
        let killed = std::process::Command::new("kill").args(["-9", &id.to_string()]).status();
        assert!(killed.expect("kill").success());
        while std::fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|line| !line.is_empty()) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

pub fn outcome(run: &Run) -> String {
    run.json()["outcome"].as_str().unwrap_or_default().to_owned()
}

pub fn name(run: &Run) -> String {
    run.json()["run"].as_str().expect("a run").to_owned()
}

/// The story of docs/repair.md: one value, repaired over the wire, and back when the line is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_key_over_the_wire_and_back_when_the_line_is_lost() {
    let there = TestMachine::start("repair-story").await;
    assert_eq!(there.check().code, 2, "nobody gets in");
    let judged = there_host(&there);
    assert_eq!(cause(&judged.json()), "host.rdp-disabled");

    // Planned, and approved by somebody else.
    let plan = there.folder.join("plan.json").display().to_string();
    assert_eq!(there.say(&["fix", "--plan-out", &plan]).code, 3);
    assert!(!there.is_on());
    let unasked = there.say(&["fix", "--apply", &plan, "--json"]);
    assert_eq!((unasked.code, outcome(&unasked).as_str()), (3, "refused"), "nobody said yes");
    let alone = there.say(&["fix", "--apply", &plan, "--yes", "--no-confirm", "--json"]);
    assert!(alone.json()["why"].as_str().is_some_and(|why| why.contains("SSH")), "{alone:?}");
    let later =
        ["fix", "--apply", &plan, "--yes", "--json", "--not-before", "2999-01-01T00:00:00Z"];
    assert_eq!(outcome(&there.say(&later)), "refused");
    assert!(!there.is_on());

    // Carried out; the line is lost, and nobody confirms.
    let apply =
        ["fix", "--apply", &plan, "--yes", "--json", "--change", "CHG-7", "--confirm-within"];
    let applied = there.say(&[&apply[..], &["3s"]].concat());
    assert_eq!((applied.code, outcome(&applied).as_str()), (1, "awaiting-confirmation"));
    there.wait_until_back();
    assert_eq!(there.check().code, 2, "it is as it was");
    let late = there.say(&["confirm", &name(&applied), "--json"]);
    assert_eq!((late.code, outcome(&late).as_str()), (2, "rolled-back"));

    // Again; a probe from outside passes, and somebody confirms.
    let applied = there.say(&[&apply[..], &["10m"]].concat());
    assert_eq!(applied.code, 1, "{applied:?}");
    assert_eq!(there.check().code, 0, "somebody gets in");
    let open = there.say(&["fix", "--json"]);
    assert_eq!((open.code, outcome(&open).as_str()), (3, "refused"), "a run is under way");
    let confirmed = there.say(&["confirm", &name(&applied), "--json"]);
    assert_eq!((confirmed.code, outcome(&confirmed).as_str()), (0, "applied"));
    assert_eq!(there.say(&["fix"]).code, 3, "there is nothing left to change");
    let drifted = there.say(&["fix", "--apply", &plan, "--yes", "--json"]);
    assert_eq!(outcome(&drifted), "refused", "the plan is not for this machine any more");

    // And back, weeks later.
    let back = there.say(&["rollback", "--json"]);
    assert_eq!((back.code, outcome(&back).as_str()), (2, "rolled-back"));
    assert!(!there.is_on());
    let log: Vec<u32> = there.machine().log.iter().map(|event| event.id).collect();
    assert_eq!(log, [1, 2, 1, 2], "one entry for each apply and each way back");
    assert!(there.machine().log[0].text.contains("CHG-7"));
    assert!(there.machine().at_start.is_empty());
}

fn there_host(there: &TestMachine) -> Run {
    let machine = there.folder.join("machine.json");
    tokio::task::block_in_place(|| {
        run(command().args(["host", "--json", "--machine"]).arg(machine))
    })
}

/// A machine that is started anew in between is as it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_restart_in_between_takes_it_back() {
    let there = TestMachine::start("repair-boot").await;
    let applied = there.say(&["fix", "--apply", "--yes", "--json", "--confirm-within", "1h"]);
    assert_eq!(applied.code, 1, "{applied:?}");
    let mut machine = there.machine();
    assert_eq!(machine.at_start.len(), 1, "it is looked after at the next start");
    machine.boot = Some("2".to_owned());
    MachineFile::write(&there.folder.join("machine.json"), &machine).expect("written");
    there.wait_until_back();
}

/// The process that waits is killed; whoever comes next starts it again, and it still fires.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_switch_fires_after_its_process_was_killed() {
    let there = TestMachine::start("repair-killed").await;
    let applied = there.say(&["fix", "--apply", "--yes", "--json", "--confirm-within", "15s"]);
    assert_eq!(applied.code, 1, "{applied:?}");
    there.kill_helper(&name(&applied));
    assert!(there.is_on(), "nobody is left who could take it back");
    let next = there.say(&["fix"]);
    assert_eq!(next.code, 3, "{next:?}");
    there.wait_until_back();
}

/// A listener that still does not answer: everything goes back by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_failed_handshake_goes_back_by_itself() {
    let there = TestMachine::start("repair-handshake").await;
    let mut machine = there.machine();
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    machine = machine.with(LISTENER, "PortNumber", RegistryData::Dword(port.into()));
    MachineFile::write(&there.folder.join("machine.json"), &machine).expect("written");
    let applied = there.say(&["fix", "--apply", "--yes", "--json"]);
    assert_eq!((applied.code, outcome(&applied).as_str()), (2, "rolled-back"), "{applied:?}");
    assert!(applied.json()["why"].as_str().is_some_and(|why| why.contains("handshake")));
    assert!(!there.is_on());
}
