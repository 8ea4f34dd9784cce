//! `--remote`: a machine asked over WinRM, what goes wrong there in one line each, and a password that
//! leaves for nobody whom nothing vouches for.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rdpdoctor_host::fake::FakeSystem;
use rdpdoctor_host::script::{AZURE, write_parts};
use rdpdoctor_host::{Side, collect};
use rdpdoctor_lab::{
    PASSWORD, RunningWinrm, USER, WinrmOptions, WinrmRecord, start_winrm, winrm_fault,
};
use rdpdoctor_model::{Fact, FactsWay, Timestamp};
use serde_json::Value;

use crate::host_causes::{SERVER, healthy, number};
use crate::joined::{self, DROPPED, unreadable_key};
use crate::support::{Run, cause, command, findings, folder, run};

/// What the script writes on this machine.
pub fn output(system: &FakeSystem) -> String {
    let mut facts = collect(system, Side::Host);
    for fact in &mut facts {
        if let Fact::FactsOf(of) = fact {
            of.computer = Some("PC42".to_owned());
            of.collected_at = Some(Timestamp::now());
            of.way = FactsWay::Script;
        }
    }
    write_parts(Side::Host, &facts, AZURE).join("\r\n") + "\r\n"
}

fn rdp_disabled() -> FakeSystem {
    healthy().with(SERVER, "fDenyTSConnections", number(1))
}

/// A server of the lab, the authority that its certificate may be of, and a folder of the test's own.
struct Lab {
    server: RunningWinrm,
    ca_file: PathBuf,
    state: PathBuf,
}

impl Lab {
    async fn start(fault: &str, test: &str, output: String) -> Self {
        let state = folder(&format!("remote-{test}-{fault}"));
        let ca_file = state.join("ca.pem");
        let options =
            WinrmOptions { ca_file: Some(ca_file.clone()), output, ..WinrmOptions::default() };
        let fault = winrm_fault(fault).expect("a fault");
        let any_port = ([127, 0, 0, 1], 0).into();
        let server = start_winrm(fault, any_port, options).await.expect("it starts");
        Self { server, ca_file, state }
    }

    fn place(&self) -> String {
        self.server.address().to_string()
    }

    /// `host --remote` as the lab's account.
    fn host(&self, more: &[&str]) -> Command {
        let mut command = command();
        command
            .args(["host", "--json", "--remote", &self.place(), "-u", USER])
            .args(more)
            .env("SSL_CERT_FILE", &self.ca_file)
            .env("XDG_STATE_HOME", &self.state)
            .env("RDPDOCTOR_PASSWORD", PASSWORD)
            .stdin(Stdio::null());
        command
    }

    async fn asked(&self, more: &[&str]) -> Run {
        ran(self.host(more)).await
    }

    /// What came; nothing was wrong with it.
    fn record(&self) -> WinrmRecord {
        let record = self.server.record();
        assert_eq!(record.complaints, Vec::<String>::new());
        assert!(!record.password_received);
        record
    }
}

pub async fn ran(mut command: Command) -> Run {
    tokio::task::spawn_blocking(move || run(&mut command)).await.expect("it ran")
}

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

/// One line, on standard error alone, with the code for what could not be tried.
pub fn line(run: &Run) -> &str {
    assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    run.stderr.trim_end()
}

// ── what works ──────────────────────────────────────────────────────────────────────────────────

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_machine_is_read_and_left_as_it_was() {
    for (fault, more, way) in [
        ("healthy-winrm", &[][..], "HTTPS"),
        // Nothing tells who answers by HTTP.
        ("healthy-winrm-http", &["--trust", "any"][..], "HTTP, encrypted"),
    ] {
        let lab = Lab::start(fault, "healthy", output(&healthy())).await;
        let run = lab.asked(more).await;
        assert_eq!(run.stderr, "", "{fault}");
        let document = run.json();
        assert_eq!((run.code, cause(&document)), (0, "healthy"), "{:?}", findings(&document));
        assert_eq!(document["target"]["host"], "PC42");
        let detail = stage(&document, "host");
        assert!(detail.contains("read over WinRM"), "{detail}");
        let ended = observation(&document, "stage-ended");
        let reason = ended["reason"].as_str().expect("a reason");
        assert!(reason.contains(way) && reason.ends_with("NTLM)"), "{reason}");
        // The connection is in the list, as all are.
        let connection = observation(&document, "connection");
        assert_eq!(connection["purpose"], "host-facts");
        assert_eq!(connection["remote"], lab.place());

        let record = lab.record();
        assert_eq!((record.shells, record.proofs), (0, 1), "{:?}", record.actions);
        assert_eq!(record.actions.first().map(String::as_str), Some("Create"));
        assert_eq!(record.actions.last().map(String::as_str), Some("Delete"));
        assert!(record.command.starts_with("powershell.exe -NoProfile -NonInteractive "));
        let script = rdpdoctor_host::script::remote::input(Side::Host);
        assert_eq!(String::from_utf8_lossy(&record.input), script);
        assert!(!holds(&record.bytes, b"Get-CimInstance"), "base64, or encrypted");
        assert_eq!(holds(&record.bytes, b"Envelope"), fault == "healthy-winrm", "{fault}");
    }
}

fn stage(document: &Value, name: &str) -> String {
    let stages = document["stages"].as_array().expect("stages");
    let row = stages.iter().find(|row| row["stage"] == name).expect("the stage");
    row["detail"].as_str().unwrap_or_default().to_owned()
}

fn observation<'a>(document: &'a Value, kind: &str) -> &'a Value {
    let all = document["observations"].as_array().expect("observations");
    all.iter().find(|o| o["kind"] == kind).expect("the observation")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_machine_names_its_cause() {
    let lab = Lab::start("healthy-winrm", "broken", output(&rdp_disabled())).await;
    let run = lab.asked(&[]).await;
    let document = run.json();
    assert_eq!((run.code, cause(&document)), (2, "host.rdp-disabled"), "{}", run.stderr);
    assert_eq!(document["verdict"]["proof"], "proven");

    // The facts alone, to be judged elsewhere.
    let facts = lab.state.join("facts.json");
    let mut collect = command();
    collect
        .args(["host", "collect", "--remote", &lab.place(), "-u", USER, "-o"])
        .arg(&facts)
        .env("SSL_CERT_FILE", &lab.ca_file)
        .env("XDG_STATE_HOME", &lab.state)
        .env("RDPDOCTOR_PASSWORD", PASSWORD);
    let collected = ran(collect).await;
    assert_eq!((collected.code, collected.stderr.as_str()), (0, ""));
    let mut judge = command();
    judge.args(["host", "--json", "--facts"]).arg(&facts);
    assert_eq!(cause(&ran(judge).await.json()), "host.rdp-disabled");
    assert_eq!(lab.record().shells, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_shown_and_not_carried_out() {
    let lab = Lab::start("healthy-winrm", "fix", output(&rdp_disabled())).await;
    let fix = |more: &[&str]| {
        let mut fix = command();
        fix.args(["host", "fix", "--json", "--remote", &lab.place(), "-u", USER])
            .args(more)
            .env("SSL_CERT_FILE", &lab.ca_file)
            .env("XDG_STATE_HOME", &lab.state)
            .env("RDPDOCTOR_PASSWORD", PASSWORD);
        fix
    };
    let shown = ran(fix(&[])).await;
    let document = shown.json();
    assert_eq!(
        (shown.code, document["outcome"].as_str()),
        (3, Some("planned")),
        "{}",
        shown.stderr
    );
    assert_eq!(document["plan"]["fixes"][0]["id"], "host.rdp-disabled");
    let before = lab.record().connections;

    // Without the program for Windows, and as what a client is set to, nothing is changed.
    let refused = ran(fix(&["--apply", "--yes"])).await;
    let said = line(&refused);
    assert!(said.contains("--program RDPDOCTOR.EXE"), "{said}");
    assert_eq!(lab.record().connections, before, "nobody was asked for that");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lab_has_a_machine_to_try_it_on() {
    // UPDATE_RECORDED=1 records it anew, when the form of facts has changed.
    if std::env::var_os("UPDATE_RECORDED").is_some() {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lab/src/wsman/healthy.txt");
        std::fs::write(place, output(&healthy())).expect("written");
    }
    let lab = Lab::start("healthy-winrm", "recorded", WinrmOptions::default().output).await;
    let run = lab.asked(&[]).await;
    let document = run.json();
    assert_eq!((run.code, cause(&document)), (0, "healthy"), "{:?}", findings(&document));
    let list = ran({
        let mut list = command();
        list.args(["lab", "list"]);
        list
    });
    assert!(list.await.stdout.contains("\nwinrm-quota "));
}

// ── what goes wrong ─────────────────────────────────────────────────────────────────────────────

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_failure_has_one_line() {
    let mut lines = String::new();
    for fault in [
        "winrm-silent",
        "winrm-web-server",
        "winrm-ssh",
        "winrm-basic-only",
        "winrm-rejected",
        "winrm-access-denied",
        "winrm-quota",
        "winrm-no-powershell",
        "winrm-script-refused",
        "winrm-endless",
        "winrm-hangs",
        "winrm-in-clear",
        "winrm-altered",
        "winrm-other-answer",
        "winrm-garbage",
        "winrm-untrusted",
    ] {
        let lab = Lab::start(fault, "line", output(&healthy())).await;
        let more: &[&str] = match fault {
            "winrm-in-clear" | "winrm-altered" => &["--trust", "any"],
            "winrm-silent" | "winrm-hangs" => &["--timeout", "0.5"],
            _ => &[],
        };
        let run = lab.asked(more).await;
        let fingerprint = lab.server.fingerprint().unwrap_or("none").to_owned();
        let said =
            line(&run).replace(&lab.place(), "HOST:PORT").replace(&fingerprint, "FINGERPRINT");
        lines.push_str(&format!("{fault}\n    {said}\n"));
        let record = lab.record();
        assert_eq!(record.shells, 0, "{fault}");
        let lets_try = !matches!(
            fault,
            "winrm-silent"
                | "winrm-web-server"
                | "winrm-ssh"
                | "winrm-basic-only"
                | "winrm-untrusted"
        );
        assert_eq!(record.proofs, usize::from(lets_try), "{fault}");
    }
    insta::assert_snapshot!("remote_lines", lines);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_and_nobody_named() {
    let state = folder("remote-nobody");
    let host = |more: &[&str]| {
        let mut host = command();
        host.args(["host", "--json"])
            .args(more)
            .env("XDG_STATE_HOME", &state)
            .env("RDPDOCTOR_PASSWORD", PASSWORD);
        host
    };
    let closed = crate::programs::free_port();
    let place = format!("127.0.0.1:{closed}");
    let run = ran(host(&["--remote", &place, "-u", USER])).await;
    let said = line(&run).to_owned();
    assert!(said.contains("closed") && said.contains("Enable-PSRemoting"), "{said}");
    assert!(!said.contains("5986"), "the port that was named is the one that was tried: {said}");

    let run = ran(host(&["--remote", "127.0.0.1"])).await;
    let said = line(&run).to_owned();
    assert!(said.contains("-u DOMAIN\\user"), "{said}");

    for wrong in [
        &["--remote", "127.0.0.1", "--facts", "x"][..],
        &["-u", "lab"],
        &["--remote", "http://pc42", "-u", "lab"],
        &["--remote", "pc42:0", "-u", "lab"],
    ] {
        line(&ran(host(wrong)).await);
    }
    let mut confirm = command();
    confirm.args(["host", "confirm", "run", "--remote", "127.0.0.1"]);
    assert!(line(&ran(confirm).await).contains("--program RDPDOCTOR.EXE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_is_said_and_the_rest_decides() {
    for fault in ["winrm-output-cut", "winrm-connection-cut"] {
        let lab = Lab::start(fault, "cut", output(&rdp_disabled())).await;
        let run = lab.asked(&[]).await;
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
        assert!(run.stderr.contains("did not arrive"), "{}", run.stderr);
        let document = run.json();
        // Part 1 has what decides, and came first.
        assert_eq!((run.code, cause(&document)), (2, "host.rdp-disabled"));
        assert!(stage(&document, "host").contains("did not arrive"), "{document}");
        assert_eq!(lab.record().shells, 0);
    }
}

// ── the password ────────────────────────────────────────────────────────────────────────────────

#[tokio::test(flavor = "multi_thread")]
async fn one_try_and_then_half_an_hour() {
    let lab = Lab::start("winrm-rejected", "once", output(&healthy())).await;
    line(&lab.asked(&[]).await);
    let again = lab.asked(&[]).await;
    assert!(line(&again).contains("--again"), "{}", again.stderr);
    assert_eq!(lab.record().proofs, 1);
    line(&lab.asked(&["--again"]).await);
    assert_eq!(lab.record().proofs, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_man_in_the_middle_gets_nothing() {
    // The right machine was believed once; another certificate at the same place is not.
    let lab = Lab::start("winrm-untrusted", "middle", output(&healthy())).await;
    let right = lab.server.fingerprint().expect("a certificate").to_owned();
    let wrong = "ab".repeat(32);
    let run = lab.asked(&["--pin", &wrong]).await;
    assert!(line(&run).contains("not the one of --pin"), "{}", run.stderr);
    assert_eq!(lab.record().proofs, 0);
    let run = lab.asked(&["--pin", &right]).await;
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let known = lab.asked(&[]).await;
    assert_eq!((known.code, known.stderr.as_str()), (0, ""), "it is known from here on");
    let place = lab.server.address();
    let state = lab.state.clone();
    assert_eq!(lab.record().proofs, 2);
    drop(lab);

    let fault = winrm_fault("winrm-untrusted").expect("a fault");
    let other = loop {
        // The first one's port is free as soon as its task is away.
        match start_winrm(fault, place, WinrmOptions::default()).await {
            Ok(server) => break server,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let mut command = command();
    command
        .args(["host", "--json", "--remote", &place.to_string(), "-u", USER])
        .env("XDG_STATE_HOME", &state)
        .env("RDPDOCTOR_PASSWORD", PASSWORD);
    let run = ran(command).await;
    assert!(line(&run).contains("another than before"), "{}", run.stderr);
    assert_eq!(other.record().proofs, 0);

    // One that comes in between two connections of one try.
    let lab = Lab::start("winrm-certificate-changes", "middle", output(&healthy())).await;
    let run = lab.asked(&[]).await;
    assert!(line(&run).contains("another than before"), "{}", run.stderr);
    let record = lab.record();
    assert_eq!((record.connections, record.proofs), (2, 0));

    // By HTTP nothing tells who answers, whatever a pin says.
    let lab = Lab::start("healthy-winrm-http", "middle", output(&healthy())).await;
    for more in [&[][..], &["--pin", &right]] {
        let run = lab.asked(more).await;
        assert!(line(&run).contains("without TLS only Kerberos"), "{}", run.stderr);
    }
    assert_eq!(lab.record().proofs, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_is_nowhere() {
    const SECRET: &str = "S3cret-\u{e4}-word";
    for (fault, password) in [
        ("healthy-winrm", PASSWORD),
        ("healthy-winrm-http", PASSWORD),
        ("winrm-rejected", SECRET),
        ("winrm-basic-only", SECRET),
        ("winrm-access-denied", PASSWORD),
    ] {
        let lab = Lab::start(fault, "secret", output(&healthy())).await;
        let page = lab.state.join("page.html");
        let mut command = lab.host(&["--trust", "any", "--password-stdin", "--html"]);
        command
            .arg(&page)
            .env_remove("RDPDOCTOR_PASSWORD")
            .env("RUST_LOG", "trace")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut input = child.stdin.take().expect("a pipe");
        input.write_all(format!("{password}\n").as_bytes()).expect("it is read");
        drop(input);
        let output = tokio::task::spawn_blocking(move || child.wait_with_output());
        let output = output.await.expect("it ran").expect("it ran");
        let mut all = [output.stdout, output.stderr, lab.record().bytes].concat();
        all.extend(files_below(&lab.state));
        let utf16: Vec<u8> = password.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for form in [
            password.as_bytes().to_vec(),
            utf16,
            openssl::base64::encode_block(password.as_bytes()).into_bytes(),
            openssl::base64::encode_block(format!("{USER}:{password}").as_bytes()).into_bytes(),
        ] {
            assert!(!holds(&all, &form), "{fault}");
        }
    }
}

/// What lies in a folder.
fn files_below(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(files_below(&path));
        } else {
            all.extend(std::fs::read(&path).expect("a file"));
        }
    }
    all
}

// ── both ends ───────────────────────────────────────────────────────────────────────────────────

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_dropped_handshake_is_proven_by_the_host_itself() {
    let lab = Lab::start("healthy-winrm", "both", output(&unreadable_key())).await;
    let server = joined::server(DROPPED).await;
    let check = |more: &[&str]| {
        let mut check = command();
        check
            .args(["check", &server.address().to_string(), "--json", "-u", USER])
            .args(["--remote", &lab.place()])
            .args(more)
            .env("SSL_CERT_FILE", &lab.ca_file)
            .env("XDG_STATE_HOME", &lab.state)
            .env("RDPDOCTOR_PASSWORD", PASSWORD);
        check
    };
    let run = ran(check(&[])).await;
    let document = run.json();
    let verdict = &document["verdict"];
    assert_eq!(
        (run.code, cause(&document), &verdict["proof"], &verdict["stage"]),
        (2, "host.certificate-key-permissions", &"proven".into(), &"tls".into()),
        "{:?} {}",
        findings(&document),
        run.stderr
    );
    assert_eq!(lab.record().shells, 0);
    // All connections are told apart.
    let all = document["observations"].as_array().expect("observations");
    let connections: Vec<_> = all.iter().filter(|o| o["kind"] == "connection").collect();
    let mut numbers: Vec<_> = connections.iter().map(|o| o["connection"].as_u64()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), connections.len());
    assert!(connections.iter().any(|o| o["purpose"] == "host-facts"), "{connections:?}");
    let saved = lab.state.join("saved.json");
    std::fs::write(&saved, &run.stdout).expect("written");
    let mut read = command();
    read.args(["read", "--json"]).arg(&saved);
    assert_eq!(ran(read).await.json()["verdict"], document["verdict"]);

    // A host that cannot be asked leaves the check as it was, and says so.
    let lost = Lab::start("winrm-access-denied", "both", String::new()).await;
    let mut alone = command();
    alone
        .args(["check", &server.address().to_string(), "--json", "-u", USER, "--remote"])
        .arg(lost.place())
        .env("SSL_CERT_FILE", &lost.ca_file)
        .env("XDG_STATE_HOME", &lost.state)
        .env("RDPDOCTOR_PASSWORD", PASSWORD);
    let document = ran(alone).await.json();
    assert_eq!(cause(&document), "tls.private-key-unavailable");
    assert_eq!(document["verdict"]["proof"], "likely");
    assert!(stage(&document, "host").contains("access denied"), "{}", stage(&document, "host"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_is_rejected_by_the_host_is_not_tried_there_again() {
    let lab = Lab::start("healthy-winrm", "twice", output(&healthy())).await;
    let server = joined::server("healthy-session").await;
    let mut check = command();
    check
        .args(["check", &server.address().to_string(), "--json", "-u", USER, "--trust", "any"])
        .args(["--remote", &lab.place()])
        .env("SSL_CERT_FILE", &lab.ca_file)
        .env("XDG_STATE_HOME", &lab.state)
        .env("RDPDOCTOR_PASSWORD", "wrong");
    let document = ran(check).await.json();
    assert_eq!(cause(&document), "nla.credentials-rejected");
    assert_eq!(lab.record().connections, 0);
    assert!(stage(&document, "host").contains("rejected"), "{}", stage(&document, "host"));
}
