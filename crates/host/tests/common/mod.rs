//! Machines to repair, and what repairs them.
#![allow(dead_code, unused_imports, reason = "each of the tests that share it uses some of it")]

use std::path::{Path, PathBuf};

use rdpdoctor_diagnosis::{Evidence, Policy, diagnose, mend};
use rdpdoctor_host::changes::{
    self, Began, Handshake, Point, StateFolder, Verifier, plan, read_state,
};
use rdpdoctor_host::fake::FakeSystem;
use rdpdoctor_host::{FactsFile, Side, collect, observations};
use rdpdoctor_model::{
    Change, Fact, FileState, Hex, Lookup, Plan, Proposal, RegistryData, SavedCredential,
    ServiceState, State, Timestamp, WindowsSession,
};

pub const LISTENER: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp";
pub const SERVER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server";
pub const KEY_FILE: &str =
    r"C:\ProgramData\Microsoft\Crypto\RSA\MachineKeys\f686aace6942fb7f7ceb231212eef4a4_guid";
pub const STORE: &str = r"HKLM\SOFTWARE\Microsoft\SystemCertificates\Remote Desktop\Certificates";

/// A machine that has everything a change can touch.
pub fn machine() -> FakeSystem {
    let mut machine = FakeSystem::default()
        .with(SERVER, "fDenyTSConnections", RegistryData::Dword(1))
        .with(LISTENER, "PortNumber", RegistryData::Dword(3389))
        .with(LISTENER, "SSLCertificateSHA1Hash", RegistryData::Binary(Hex(vec![1; 20])))
        .with(&format!(r"{STORE}\ab"), "Blob", RegistryData::Binary(Hex(vec![7; 64])))
        .with(&service_key("UmRdpService"), "Start", RegistryData::Dword(4))
        .running("TermService")
        .running("SessionEnv");
    let stopped = ServiceState { current: ServiceState::STOPPED, process: 0, exit_code: 1077 };
    machine.services.insert("umrdpservice".to_owned(), stopped);
    let dependents = vec!["SessionEnv".to_owned(), "UmRdpService".to_owned()];
    machine.dependents.insert("termservice".to_owned(), dependents);
    let file = |access: &str| FileState {
        length: 3,
        modified: None,
        version: None,
        access: Lookup::seen(access.to_owned()),
    };
    let key = (file("O:SYG:SYD:PAI(A;;FA;;;SY)"), b"key".to_vec());
    machine.files.insert(KEY_FILE.to_lowercase(), key);
    let rdp = (file("O:BAG:BAD:(A;;FA;;;BA)"), b"rdp".to_vec());
    machine.files.insert(r"c:\users\anna\documents\default.rdp".to_owned(), rdp);
    let target = "TERMSRV/pc42".to_owned();
    machine.credentials.push(SavedCredential { target, user: None, written_at: None });
    machine.sessions.push(session(4, 4));
    machine.boot = Some("1".to_owned());
    machine
}

pub fn service_key(name: &str) -> String {
    format!(r"HKLM\SYSTEM\CurrentControlSet\Services\{name}")
}

pub fn session(session: u32, state: u32) -> WindowsSession {
    WindowsSession {
        session,
        state,
        station: format!("RDP-Tcp#{session}"),
        user: Some(r"CORP\ben".to_owned()),
        idle_ms: None,
        signed_in_at: None,
        disconnected_at: None,
        client_address: Some("10.0.0.5".parse().expect("an address")),
        client_name: None,
        own: false,
    }
}

fn value(key: &str, name: &str, data: Option<RegistryData>) -> Change {
    Change::RegistryValue { key: key.to_owned(), name: name.to_owned(), data }
}

/// A change of every kind that can be undone, on [`machine`].
pub fn every_change() -> Vec<Change> {
    let new = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\New\Newer";
    vec![
        value(SERVER, "fDenyTSConnections", Some(RegistryData::Dword(0))),
        value(new, "made", Some(RegistryData::Text("x".to_owned()))),
        value(new, "made too", Some(RegistryData::Dword(1))),
        value(LISTENER, "SSLCertificateSHA1Hash", None),
        Change::ServiceStart { name: "UmRdpService".to_owned(), start: 3 },
        Change::StartService { name: "UmRdpService".to_owned() },
        Change::FileAccess {
            path: KEY_FILE.to_owned(),
            sddl: "O:SYG:SYD:PAI(A;;FA;;;SY)(A;;FR;;;NS)".to_owned(),
        },
        Change::MoveFileAside { path: r"C:\Users\anna\Documents\Default.rdp".to_owned() },
        Change::RemoveCertificate {
            store: "Remote Desktop".to_owned(),
            thumbprint: "ab".to_owned(),
        },
    ]
}

/// Changes that nobody can undo.
pub fn lost_changes() -> Vec<Change> {
    vec![
        Change::RemoveCredential { target: "TERMSRV/pc42".to_owned() },
        Change::ResetSession { session: 4 },
    ]
}

pub fn proposal(changes: Vec<Change>) -> Proposal {
    Proposal {
        id: "host.test".to_owned(),
        title: "Something is wrong".to_owned(),
        remedy: "mend-it".to_owned(),
        does: "Mend it".to_owned(),
        owner: "host".to_owned(),
        risk: "low".to_owned(),
        interrupts: "nothing".to_owned(),
        changes,
        policies: Vec::new(),
    }
}

pub fn plan_of(machine: &FakeSystem, changes: Vec<Change>) -> Plan {
    plan(machine, Side::Host, vec![proposal(changes)], false, Timestamp::now())
}

pub fn began(plan: Plan, confirm_within: Option<u64>) -> Began {
    Began {
        run: String::new(),
        who: Some(r"CORP\anna".to_owned()),
        came_by: None,
        ticket: Some("CHG-7".to_owned()),
        plan_sha256: None,
        confirm_within,
        plan,
    }
}

/// A listener that answers as it is told: how many handshakes fail before one passes.
pub struct Listener {
    pub fails: usize,
    pub tried: usize,
}

impl Listener {
    pub fn that_fails(fails: usize) -> Self {
        Self { fails, tried: 0 }
    }
}

impl Verifier for Listener {
    fn handshake(&mut self, _port: u16) -> Handshake {
        self.tried += 1;
        if self.tried > self.fails {
            return Handshake::Passed;
        }
        Handshake::Failed("it hung up on the first encrypted message".to_owned())
    }
}

/// What of a machine a plan touches, as it is.
pub fn states(machine: &dyn rdpdoctor_host::System, plan: &Plan) -> Vec<State> {
    plan.steps().map(|step| read_state(machine, &step.change)).collect()
}

/// The machine without what no run leaves as it found it: the log, the processes of services.
pub fn comparable(machine: &FakeSystem) -> FakeSystem {
    let mut machine = machine.clone();
    machine.log.clear();
    for state in machine.services.values_mut() {
        *state = ServiceState { current: state.current, process: 0, exit_code: 0 };
    }
    machine
}

/// The same without what nobody can bring back: sessions that were reset, credentials that were taken
/// away.
pub fn restorable(machine: &FakeSystem) -> FakeSystem {
    let mut machine = comparable(machine);
    machine.sessions.clear();
    machine.credentials.clear();
    machine
}

/// The folder with a broken machine for each cause that a program can mend.
fn machines() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machines")
}

/// Every cause that a program can mend, with a machine that suffers from it and the plan for it: the
/// machine itself, `CAUSE.json`, or facts that were collected on one, `CAUSE.facts.json`.
pub fn mends() -> Vec<(String, FakeSystem, Plan)> {
    let all = mend::MENDS.iter().map(|mend| {
        let cause = mend.cause.to_string();
        let side = if cause.starts_with("client.") { Side::Client } else { Side::Host };
        let read = |form: &str| std::fs::read_to_string(machines().join(format!("{cause}.{form}")));
        let (machine, facts) = match (read("json"), read("facts.json")) {
            (Ok(text), _) => {
                let machine: FakeSystem = serde_json::from_str(&text).expect("a machine");
                let facts = collect(&machine, side);
                (machine, facts)
            }
            (Err(_), Ok(text)) => {
                let facts = FactsFile::read(&text).expect("facts").facts;
                (machine_of(&facts), facts)
            }
            (Err(error), Err(_)) => {
                panic!("{cause} has a MEND, so tests/machines needs a machine with it: {error}")
            }
        };
        let plan = planned(&machine, facts, side);
        assert!(
            plan.fixes.iter().any(|fix| fix.id == cause),
            "{cause}: the plan for its machine does not mend it: {plan:#?}"
        );
        (cause, machine, plan)
    });
    all.collect()
}

/// A machine that answers with these facts, as far as changes touch them.
pub fn machine_of(facts: &[Fact]) -> FakeSystem {
    let mut machine = FakeSystem::default();
    for fact in facts {
        match fact {
            Fact::RegistryValue(value) => {
                if let Some(data) = value.data.as_seen() {
                    machine = machine.with(&value.key, &value.name, data.clone());
                }
            }
            Fact::WindowsService(service) => {
                if let Some(state) = service.state.as_seen() {
                    machine.services.insert(service.name.to_lowercase(), state.clone());
                }
            }
            Fact::WindowsFile(file) => {
                if let Some(state) = file.state.as_seen() {
                    let known = (state.clone(), b"what is in it".to_vec());
                    machine.files.insert(file.path.to_lowercase(), known);
                }
            }
            Fact::MachineCertificate(known) => {
                let key = format!(
                    r"HKLM\SOFTWARE\Microsoft\SystemCertificates\{}\Certificates\{}",
                    known.store, known.thumbprint
                );
                machine = machine.with(&key, "Blob", RegistryData::Binary(Hex(vec![7; 64])));
            }
            Fact::WindowsSessions { sessions: Lookup::Seen { value } } => {
                machine.sessions.clone_from(value);
            }
            Fact::SavedCredentials { entries: Lookup::Seen { value } } => {
                machine.credentials.clone_from(value);
            }
            _ => {}
        }
    }
    machine
}

/// What the causes propose for a machine.
pub fn planned(machine: &FakeSystem, facts: Vec<Fact>, side: Side) -> Plan {
    let made_at = Timestamp::now();
    let seen = observations(facts, side, None);
    let evidence = Evidence::new(&seen, None, made_at, Policy::default());
    let proposals = mend::proposals(&diagnose(&evidence).findings, &evidence);
    plan(machine, side, proposals, false, made_at)
}

pub fn state_folder(folder: &Path) -> StateFolder {
    StateFolder::open(&folder.join("state")).expect("a state folder")
}

pub fn on() -> impl FnMut(Point) {
    |_| {}
}

pub use changes::{Applied, Entry, Outcome, Phase, Watch, Watched, apply, roll_back};
