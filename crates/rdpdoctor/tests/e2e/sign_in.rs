//! Signing in: what leaves and what does not, one attempt, and a password that is nowhere to be
//! found afterwards.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use rdpdoctor_lab::{Options, PASSWORD, Running, USER, fault, start};

use crate::support::{Run, cause, command, findings, folder, run};

/// The beginning of an NTLM AUTHENTICATE_MESSAGE (MS-NLMP 2.2.1.3).
const AUTHENTICATE: &[u8] = b"NTLMSSP\0\x03\0\0\0";

async fn lab(name: &str) -> Running {
    let any_port = ([127, 0, 0, 1], 0).into();
    start(fault(name).expect("a fault"), any_port, Options::default()).await.expect("it starts")
}

/// A check as the lab's user; what is remembered lies in `state`.
fn signing_in(server: &Running, state: &Path, more: &[&str]) -> Command {
    let mut command = command();
    command
        .args(["check", &server.address().to_string(), "--json", "-u", USER, "--timeout", "8"])
        .args(more)
        .env("XDG_STATE_HOME", state)
        .env("RDPDOCTOR_PASSWORD", PASSWORD)
        .stdin(Stdio::null());
    command
}

async fn ran(mut command: Command) -> Run {
    tokio::task::spawn_blocking(move || run(&mut command)).await.expect("it ran")
}

/// Whether the server was ever given something that can be tried for a password.
fn got_a_proof(server: &Running) -> bool {
    let holds = |bytes: &[u8]| bytes.windows(AUTHENTICATE.len()).any(|w| w == AUTHENTICATE);
    server.record().iter().any(|record| holds(&record.above_tls) || holds(&record.on_wire))
}

fn fingerprint(run: &Run) -> String {
    let document = run.json();
    let observations = document["observations"].as_array().expect("observations").clone();
    let shown = observations.iter().find(|o| o["kind"] == "server-certificates");
    shown.expect("a certificate")["certificates"][0]["sha256"].as_str().expect("text").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_for_a_server_that_nobody_vouches_for() {
    let server = lab("healthy-session").await;
    let state = folder("sign-in-untrusted");
    let run = ran(signing_in(&server, &state, &[])).await;
    let document = run.json();
    assert_eq!(run.code, 3, "{:?}", findings(&document));
    let title = document["verdict"]["title"].as_str().expect("text").to_owned();
    assert!(title.contains("No password was sent") && title.contains("--trust any"), "{title}");
    assert!(!got_a_proof(&server));

    // The wrong certificate, then the right one.
    let fingerprint = fingerprint(&run);
    let wrong = "00".repeat(32);
    let run = ran(signing_in(&server, &state, &["--pin", &wrong])).await;
    assert_eq!(run.code, 3);
    assert!(!got_a_proof(&server));
    let run = ran(signing_in(&server, &state, &["--pin", &fingerprint])).await;
    assert_eq!((run.code, cause(&run.json())), (0, "healthy"));
    assert!(got_a_proof(&server));
    // What somebody vouched for is believed from now on.
    let run = ran(signing_in(&server, &state, &[])).await;
    assert_eq!((run.code, cause(&run.json())), (0, "healthy"));
}

/// It shows the certificate of another server and has not its key, as a man in the middle would.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_for_a_certificate_without_its_key() {
    let server = lab("tls-wrong-key").await;
    let run = ran(signing_in(&server, &folder("sign-in-mitm"), &["--trust", "any"])).await;
    assert_eq!(run.code, 2, "{:?}", findings(&run.json()));
    assert!(!got_a_proof(&server));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_for_an_old_credssp() {
    let server = lab("nla-old-credssp").await;
    let run = ran(signing_in(&server, &folder("sign-in-old"), &["--trust", "any"])).await;
    assert_eq!((run.code, cause(&run.json())), (2, "nla.encryption-oracle"));
    assert!(!got_a_proof(&server));
}

/// The second try is made only when it is asked for, whichever server it is for.
#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_is_remembered() {
    let (server, other) = (lab("healthy-session").await, lab("healthy-session").await);
    let state = folder("sign-in-memory");
    let wrong = |server: &Running, more: &[&str]| {
        let mut command = signing_in(server, &state, more);
        command.args(["--trust", "any"]).env("RDPDOCTOR_PASSWORD", "not the password");
        command
    };
    let run = ran(wrong(&server, &[])).await;
    assert_eq!((run.code, cause(&run.json())), (2, "nla.credentials-rejected"));
    let run = ran(wrong(&other, &[])).await;
    let title = run.json()["verdict"]["title"].as_str().expect("text").to_owned();
    assert!(run.code == 3 && title.contains("--again"), "{} {title}", run.code);
    assert!(!got_a_proof(&other));
    let run = ran(wrong(&other, &["--again"])).await;
    assert_eq!((run.code, cause(&run.json())), (2, "nla.credentials-rejected"));
    assert!(got_a_proof(&other));
}

/// Every level of the log is asked for, of everybody; nothing of the password is anywhere.
#[tokio::test(flavor = "multi_thread")]
async fn the_password_is_nowhere() {
    let server = lab("healthy-session").await;
    let place = folder("sign-in-canary");
    let page = place.join("page.html");
    let mut asked = signing_in(&server, &place, &["--trust", "any", "--yes", "--logon"]);
    asked.arg("--html").arg(&page).env("RUST_LOG", "trace");
    let run = ran(asked).await;
    assert_eq!((run.code, cause(&run.json())), (0, "healthy"));
    let html = std::fs::read_to_string(&page).expect("the page");
    let utf16: Vec<u8> = PASSWORD.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let hex: String = utf16.iter().map(|byte| format!("{byte:02x}")).collect();
    for text in [&run.stdout, &run.stderr, &html] {
        assert!(!text.contains(PASSWORD) && !text.to_lowercase().contains(&hex));
    }
    // On the wire it is inside TLS; above it, inside the encryption of the sign-in.
    for record in server.record() {
        for bytes in [&record.on_wire, &record.above_tls] {
            assert!(!bytes.windows(utf16.len()).any(|window| window == utf16));
        }
    }
}

/// A session names users, domains and hosts of its own; masked, none of them is left.
#[tokio::test(flavor = "multi_thread")]
async fn a_demand_active_that_comes_twice_is_answered_once() {
    let server = lab("healthy-demand-active-twice").await;
    let state = folder("sign-in-twice");
    let wanted = ["--trust", "any", "--yes", "--logon", "--no-side"];
    let run = ran(signing_in(&server, &state, &wanted)).await;
    let document = run.json();
    assert_eq!(document["verdict"]["status"], "ok", "{document}");
    let demands = document["observations"].as_array().expect("observations").iter();
    assert_eq!(demands.filter(|o| o["kind"] == "demand-active").count(), 2);
    let activations: Vec<u32> = server.record().iter().map(|r| r.activations).collect();
    assert_eq!(activations, [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_masked_session_names_nobody() {
    let server = lab("healthy-session").await;
    let state = folder("sign-in-masked");
    let wanted = ["--trust", "any", "--yes", "--logon", "--mask"];
    let run = ran(signing_in(&server, &state, &wanted)).await;
    let document = run.json();
    assert_eq!((run.code, cause(&document)), (0, "healthy"));
    let kinds = document["observations"].as_array().expect("observations").iter();
    assert!(kinds.clone().any(|o| o["kind"] == "logged-on"));
    assert!(kinds.clone().any(|o| o["kind"] == "session-left"));
    let text = run.stdout.to_lowercase();
    for name in ["\"lab\"", "labpc01", "lab.example"] {
        assert!(!text.contains(name), "{name}");
    }
}

/// A process that is aborted while it holds a password leaves no core.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn an_aborted_check_leaves_no_core() {
    use std::os::unix::process::ExitStatusExt as _;
    let server = lab("nla-silent-at-proof").await;
    let state = folder("sign-in-core");
    let check = signing_in(&server, &state, &["--trust", "any"]);
    // The shell raises the limit first, as a machine for developers has it.
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -c unlimited 2>/dev/null; exec \"$@\"", "sh"]);
    shell.arg(check.get_program()).args(check.get_args()).current_dir(&state);
    shell.env("XDG_STATE_HOME", &state).env("RDPDOCTOR_PASSWORD", PASSWORD);
    let mut child = shell
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    // The proof of the password is the sign that the password is in its memory.
    while !got_a_proof(&server) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-ABRT", &id]).status().expect("kill runs").success());
    let status = child.wait().expect("it ends");
    assert_eq!(status.signal(), Some(6));
    assert!(!status.core_dumped());
}

/// A broker sends the client on: the second host is met as the first one was, and shown as a
/// connection of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_redirection_is_followed_once() {
    let broker = lab("session-broker-redirect").await;
    let place = ([127, 0, 0, 2], broker.address().port()).into();
    let host = fault("healthy-session").expect("a fault");
    let host = start(host, place, Options::default()).await.expect("it starts");
    let state = folder("sign-in-redirected");
    let wanted = ["--trust", "any", "--yes", "--logon", "--no-side"];
    let run = ran(signing_in(&broker, &state, &wanted)).await;
    let document = run.json();
    assert_eq!((run.code, cause(&document)), (0, "healthy"), "{:?}", findings(&document));
    let observations = document["observations"].as_array().expect("observations");
    let purposes: Vec<_> = observations
        .iter()
        .filter(|o| o["kind"] == "connection")
        .map(|o| (o["purpose"].clone(), o["remote"].clone()))
        .collect();
    let hops = [("main", broker.address()), ("redirected", host.address())];
    let hops = hops.map(|(purpose, place)| (purpose.into(), place.to_string().into()));
    assert_eq!(purposes, hops);
    assert!(got_a_proof(&host));
}

#[test]
fn passwords_that_are_none() {
    let asked = |input: &[u8]| {
        let mut child = command()
            .args(["check", "127.0.0.1:1", "-u", "jo", "--password-stdin"])
            .env("XDG_STATE_HOME", folder("sign-in-stdin"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        child.stdin.take().expect("input").write_all(input).expect("written");
        let output = child.wait_with_output().expect("ends");
        (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
    };
    for wrong in [&b"two\nlines\n"[..], b"nul\0", b"\xFF\xFE"] {
        let (code, error) = asked(wrong);
        assert_eq!((code, error.lines().count()), (Some(3), 1), "{error}");
        assert!(error.contains("password") && !error.contains("two"), "{error}");
    }
    // A password that can be read: the check is made, and nobody listens there.
    assert_eq!(asked(b"fine\r\n").0, Some(2));
    // Nobody to ask.
    let run = run(command().args(["check", "127.0.0.1:1", "-u", "jo"]).stdin(Stdio::null()));
    assert!(run.code == 3 && run.stderr.contains("--password-stdin"), "{}", run.stderr);
    let run = crate::support::run(command().args(["check", "127.0.0.1:1", "-u", "a\\b\\c"]));
    assert!(run.code == 3 && run.stderr.contains("user name"), "{}", run.stderr);
}
