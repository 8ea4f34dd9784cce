//! `host fix --remote --apply`: a program is brought to another machine over WinRM, and changes it there.
//! What is brought has the form of a program for Windows; in its stead the lab runs the command itself, on
//! a machine that is made up, after it has compared every byte that arrived.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use rdpdoctor_lab::{
    FarMachine, PASSWORD, RunningWinrm, USER, WinrmOptions, WinrmRecord, start_winrm, winrm_fault,
};
use serde_json::Value;

use crate::remote::{line, output, ran};
use crate::repair::{TestMachine, name, outcome};
use crate::support::{Run, command};

/// The headers of a program for Windows on x86-64, and behind them what gzip cannot make shorter.
fn program() -> Vec<u8> {
    let mut bytes = vec![0; 0x40 + 24 + 240 + 40];
    let mut put = |at: usize, what: &[u8]| bytes[at..at + what.len()].copy_from_slice(what);
    put(0, b"MZ");
    put(0x3C, &0x40_u32.to_le_bytes());
    put(0x40, b"PE\0\0");
    put(0x44, &0x8664_u16.to_le_bytes());
    put(0x46, &1_u16.to_le_bytes());
    put(0x54, &240_u16.to_le_bytes());
    put(0x56, &0x22_u16.to_le_bytes());
    put(0x58, &0x20B_u16.to_le_bytes());
    put(0x58 + 68, &3_u16.to_le_bytes());
    put(0x58 + 108, &16_u32.to_le_bytes());
    let mut state = 1_u64;
    bytes.extend((0..400_000).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    }));
    bytes
}

/// A machine whose Remote Desktop is switched off, and its WinRM.
struct There {
    machine: TestMachine,
    server: RunningWinrm,
    program: PathBuf,
}

impl There {
    async fn start(fault: &str, test: &str) -> Self {
        let machine = TestMachine::start(&format!("remote-fix-{test}")).await;
        let folder = machine.folder.clone();
        // Nothing on it tells how whoever repairs it came: the caller says so.
        let mut system = machine.machine();
        system.came_by = None;
        rdpdoctor_host::MachineFile::write(&folder.join("machine.json"), &system).expect("written");
        let expected = program();
        let program = folder.join("rdpdoctor.exe");
        std::fs::write(&program, &expected).expect("written");
        let work = folder.join("work");
        std::fs::create_dir(&work).expect("a folder");
        let path = |name: &str| folder.join(name).display().to_string();
        let far = FarMachine {
            program: env!("CARGO_BIN_EXE_rdpdoctor").into(),
            arguments: ["--machine".to_owned(), path("machine.json")]
                .into_iter()
                .chain(["--state".to_owned(), path("state")])
                .collect(),
            expected,
            folder: work,
        };
        let names = ["127.0.0.1", "127.0.0.2"].map(str::to_owned).to_vec();
        let options = WinrmOptions {
            names,
            ca_file: Some(folder.join("ca.pem")),
            output: output(&system),
            far: Some(far),
        };
        let fault = winrm_fault(fault).expect("a fault");
        let server = start_winrm(fault, ([0, 0, 0, 0], 0).into(), options).await;
        Self { machine, server: server.expect("it starts"), program }
    }

    fn place(&self, address: &str) -> String {
        format!("{address}:{}", self.server.address().port())
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = command();
        command
            .args(["host", words[0]])
            .args(["--remote", &self.place("127.0.0.1"), "-u", USER, "--program"])
            .arg(&self.program)
            .args(&words[1..])
            .env("SSL_CERT_FILE", self.machine.folder.join("ca.pem"))
            .env("XDG_STATE_HOME", self.machine.folder.join("near"))
            .env("RDPDOCTOR_PASSWORD", PASSWORD)
            .stdin(Stdio::null());
        command
    }

    async fn say(&self, words: &[&str]) -> Run {
        ran(self.command(words)).await
    }

    /// What came; nothing was wrong with it, and no shell is left.
    fn record(&self) -> WinrmRecord {
        let record = self.server.record();
        assert_eq!(record.complaints, Vec::<String>::new());
        assert_eq!((record.shells, record.password_received), (0, false));
        record
    }

    fn events(&self) -> Vec<u32> {
        self.machine.machine().log.iter().map(|event| event.id).collect()
    }
}

/// Planned there, brought, carried out, tried from here and confirmed; and back again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_machine_is_changed_over_the_network_and_changed_back() {
    let there = There::start("healthy-winrm", "story").await;
    let unasked = there.say(&["fix", "--apply", "--json"]).await;
    assert_eq!((unasked.code, outcome(&unasked).as_str()), (3, "refused"), "{unasked:?}");
    assert_eq!(unasked.json()["why"], "nobody said yes (--yes)");
    let before = there.record();
    assert_eq!((before.far_copies, before.far_runs.len()), (0, 0), "nobody agreed");

    let apply = ["fix", "--apply", "--yes", "--json", "--change", r#"CHG "7" \"#];
    let applied = there.say(&apply).await;
    assert_eq!((applied.code, applied.stderr.as_str()), (0, ""), "{applied:?}");
    let document = applied.json();
    assert_eq!(outcome(&applied), "applied");
    assert!(there.machine.is_on());
    let place = &document["there"];
    assert_eq!(place["host"], there.place("127.0.0.1"));
    assert!(place["by"].as_str().is_some_and(|by| by.starts_with("HTTPS, port ")), "{place}");
    assert_eq!((&place["copied"], &place["outside"]["failed"]), (&true.into(), &Value::Null));
    let record = there.record();
    let [run, confirm] = &record.far_runs[..] else { panic!("{:?}", record.far_runs) };
    assert!(run.starts_with("host fix --apply plan.json --yes --json --from-afar "), "{run}");
    assert_eq!(*confirm, format!("host confirm {} --json", name(&applied)));
    assert_eq!((there.events(), record.far_copies), (vec![1], 1));
    let event = there.machine.machine().log[0].text.clone();
    assert!(event.contains(r#"CHG "7" \"#), "{event}");

    // Weeks later; the program lies there still.
    let back = there.say(&["rollback", "--json"]).await;
    assert_eq!((back.code, outcome(&back).as_str()), (2, "rolled-back"), "{back:?}");
    assert_eq!(back.json()["there"]["copied"], false);
    let masked = there.say(&["rollback", &name(&applied), "--mask", "--json"]).await;
    assert_eq!((masked.code, outcome(&masked).as_str()), (2, "rolled-back"), "{masked:?}");
    assert!(!masked.stdout.contains("PC42"), "{}", masked.stdout);
    assert!(!there.machine.is_on());
    assert_eq!((there.record().far_copies, there.events()), (1, vec![1, 2]));

    let none = there.say(&["confirm", "20200101-000000", "--json"]).await;
    let said = line(&none);
    assert!(said.contains("there is no run '20200101-000000'"), "{said}");
    assert!(there.machine.machine().at_start.is_empty());
}

/// Where WinRM has no TLS each message is sealed, the long ones of a copy as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_tls_the_program_is_sealed_on_its_way() {
    let there = There::start("healthy-winrm-http", "sealed").await;
    let apply = ["fix", "--apply", "--yes", "--json", "--trust", "any"];
    let applied = there.say(&apply).await;
    assert_eq!((applied.code, outcome(&applied).as_str()), (0, "applied"), "{applied:?}");
    let by = applied.json()["there"]["by"].as_str().unwrap_or_default().to_owned();
    assert!(by.starts_with("HTTP, encrypted, port "), "{by}");
    let record = there.record();
    assert_eq!(record.far_copies, 1);
    let clear = b"Envelope";
    assert!(!record.bytes.windows(clear.len()).any(|window| window == clear));
}

/// The plan that somebody approved is the one that is carried out. No handshake from here passes: it waits
/// for somebody's word.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_approved_plan_waits_where_no_handshake_from_here_passes() {
    let there = There::start("healthy-winrm", "approved").await;
    let plan = there.machine.folder.join("plan.json").display().to_string();
    let shown = there.say(&["fix", "--plan-out", &plan, "--json"]).await;
    assert_eq!((shown.code, outcome(&shown).as_str()), (3, "planned"), "{shown:?}");
    // At this address of the machine nothing but WinRM listens.
    let elsewhere = there.place("127.0.0.2");
    let apply = ["fix", "--apply", &plan, "--yes", "--remote", &elsewhere];
    let applied = there.say(&[&apply[..], &["--json"]].concat()).await;
    assert_eq!((applied.code, outcome(&applied).as_str()), (1, "awaiting-confirmation"));
    let document = applied.json();
    assert_eq!(document["plan_sha256"], shown.json()["plan_sha256"]);
    assert!(document["there"]["outside"]["failed"].is_string(), "{document}");
    assert!(there.machine.is_on());

    // A second one has to wait for the first.
    let second = there.say(&apply).await;
    assert_eq!(second.code, 3, "{second:?}");
    assert!(second.stdout.contains("waits for its"), "{}", second.stdout);
    let confirmed = there.say(&["confirm", &name(&applied), "--json"]).await;
    assert_eq!((confirmed.code, outcome(&confirmed).as_str()), (0, "applied"), "{confirmed:?}");
    assert_eq!(there.events(), [1]);

    let drifted = there.say(&[&apply[..], &["--json"]].concat()).await;
    assert_eq!((drifted.code, outcome(&drifted).as_str()), (3, "refused"), "{drifted:?}");
    let why = drifted.json()["why"].as_str().unwrap_or_default().to_owned();
    assert!(why.contains("nothing asks for this fix any more"), "{why}");

    let back = there.say(&["rollback", &name(&applied)]).await;
    assert_eq!(back.code, 2, "{back:?}");
    assert!(back.stdout.contains("Done on"), "{}", back.stdout);
    assert_eq!(there.record().far_copies, 1);
}

/// The line is cut behind the changes: what happens there is said, and it happens.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_line_that_is_cut_brings_everything_back() {
    let there = There::start("winrm-far-cut", "cut").await;
    let lost = there.say(&["fix", "--apply", "--yes", "--confirm-within", "4s"]).await;
    assert_eq!(lost.code, 1, "{lost:?}");
    let words = lost.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "was lost while it was changed (run 20",
        "is taken back there by itself 4s after it was done",
        "rdpdoctor host rollback 20",
        &format!("--remote {}", there.place("127.0.0.1")),
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    tokio::task::block_in_place(|| there.machine.wait_until_back());
    assert_eq!(there.events(), [1, 2]);
}

/// Whatever keeps the program from its work: one line, and nothing is changed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_keeps_the_program_away_changes_nothing() {
    let mut lines = String::new();
    for fault in [
        "winrm-far-constrained",
        "winrm-far-arm",
        "winrm-far-blocked",
        "winrm-far-altered",
        "winrm-far-other-version",
        "winrm-no-powershell",
        "winrm-access-denied",
    ] {
        let there = There::start(fault, "kept").await;
        let plan = there.machine.folder.join("plan.json").display().to_string();
        assert_eq!(there.machine.say(&["fix", "--plan-out", &plan]).code, 3);
        let refused = there.say(&["fix", "--apply", &plan, "--yes", "--json"]).await;
        lines.push_str(&format!("{fault}\n    {}\n", line(&refused)));
        let record = there.record();
        assert_eq!((record.far_runs.len(), there.events().len()), (0, 0), "{fault}");
        assert!(!there.machine.is_on(), "{fault}");
    }
    insta::assert_snapshot!("remote_fix_lines", lines);
}

/// What the machine answers is believed as little as anything else from it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_made_up_answer_is_none() {
    let there = There::start("winrm-far-lies", "lies").await;
    let refused = there.say(&["fix", "--apply", "--yes", "--json"]).await;
    assert!(line(&refused).contains("is no answer"), "{refused:?}");
    assert_eq!(there.record().far_runs.len(), 1, "nothing was confirmed by it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_cannot_be_brought_is_said_before_anybody_is_asked() {
    let there = There::start("healthy-winrm", "usage").await;
    let folder = &there.machine.folder;
    let other = folder.join("ca.pem").display().to_string();
    let missing = folder.join("none.exe").display().to_string();
    for (more, part) in [
        (&["fix", "--apply", "--yes", "--program", &other][..], "is not rdpdoctor.exe for Windows"),
        (&["fix", "--apply", "--yes", "--program", &missing], "cannot read"),
        (&["fix", "--apply", "--yes", "--no-confirm"], "--no-confirm"),
        (&["fix", "--apply", "--yes", "--state", "x"], "--state is a folder of this machine"),
        (&["fix", "--finish", "x"], "there is no run 'x'"),
        (&["confirm", "../x"], "there is no run '../x'"),
    ] {
        let run = there.say(more).await;
        let said = line(&run);
        assert!(said.contains(part), "{more:?}: {said}");
    }
    // What a client is set to is its user's.
    let mut client = command();
    client.args(["client", "fix", "--apply", "--yes", "--remote", "127.0.0.1", "-u", USER]);
    assert!(line(&ran(client).await).contains("run there: rdpdoctor client fix --apply"));
    assert_eq!(there.record().connections, 0);
}
