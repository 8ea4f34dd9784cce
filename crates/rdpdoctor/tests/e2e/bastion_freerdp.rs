//! FreeRDP's proxy as a bastion between the check and a machine: what it changes, and how it looks when
//! the machine behind it is down or insists on NLA. `.ci/freerdp-proxy` builds it from Debian's source.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rdpdoctor_lab::{Options, PASSWORD, Running, USER, fault, start};
use serde_json::Value;

use crate::programs::{STARTING, Server, free_port, installed};
use crate::servers::{VALID, shadow_by, xrdp};
use crate::support::{Run, command, findings, folder, run};

/// The proxy takes its target from the routing token, and no NLA on either side.
const CONFIG: &str = "[Server]\nHost = 127.0.0.1\nPort = PORT\n[SessionCapture]\nEnabled = FALSE\n\
    [Target]\nUseLoadBalanceInfo = TRUE\nHost = none\nPort = 3389\n\
    [Input]\nMouse = TRUE\nKeyboard = TRUE\n\
    [Security]\nServerTlsSecurity = TRUE\nServerRdpSecurity = FALSE\nClientTlsSecurity = TRUE\n\
    ClientRdpSecurity = FALSE\nClientNlaSecurity = FALSE\nClientAllowFallbackToTls = TRUE\n\
    [Channels]\nGFX = FALSE\nDisplayControl = FALSE\nClipboard = FALSE\nAudioOutput = FALSE\n\
    RemoteApp = FALSE\n[Clipboard]\nTextOnly = FALSE\nMaxTextLength = 10\n";

/// Ports that are tried, and proxies that may crash.
const PORTS: usize = 3;
const CRASHES: usize = 3;

/// How long a proxy that cut a connection may take to end.
const ENDING: Duration = Duration::from_secs(5);

/// A bastion that leads to `target`, with the file that a user has of it and the administrator's list.
struct Bastion {
    _proxy: Server,
    /// Its lines; they end when it does.
    lines: mpsc::Receiver<String>,
    rdp_file: PathBuf,
    list: PathBuf,
}

impl Bastion {
    /// Whether it ended, which it does soon where that cut its connections.
    fn has_ended(&self) -> bool {
        loop {
            match self.lines.recv_timeout(ENDING) {
                Ok(_) => {}
                Err(why) => return why == mpsc::RecvTimeoutError::Disconnected,
            }
        }
    }
}

fn bastion(folder: &Path, target: SocketAddr) -> Bastion {
    certificates(folder);
    // Another program may take the port that was free, before the proxy does.
    let begun = (0..PORTS).find_map(|_| {
        let port = free_port();
        let config = CONFIG.replace("PORT", &port.to_string());
        std::fs::write(folder.join("config.ini"), config).expect("a file");
        listening(folder).map(|(proxy, lines)| (port, proxy, lines))
    });
    let (port, proxy, lines) = begun.expect("the proxy listens in time");
    let list = folder.join("bastions.toml");
    std::fs::write(&list, "[[bastion]]\nlabel = 'Jump 1'\nissuer = 'Corp PAM CA'\n")
        .expect("a file");
    let rdp_file = folder.join("jump.rdp");
    let text = format!(
        "full address:s:127.0.0.1:{port}\r\nloadbalanceinfo:s:Cookie: msts={target}\r\n\
         authentication level:i:2\r\n"
    );
    std::fs::write(&rdp_file, text).expect("a file");
    Bastion { _proxy: proxy, lines, rdp_file, list }
}

/// An authority, and the certificate that it issued.
fn certificates(folder: &Path) {
    let request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"];
    let authority = ["-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=Corp PAM CA"];
    let own = ["-keyout", "server.key", "-out", "server.crt", "-subj", "/CN=jump1.corp.example"];
    let issued = ["-CA", "ca.crt", "-CAkey", "ca.key"];
    for more in [&authority[..], &[&own[..], &issued[..]].concat()] {
        let made = Command::new("openssl").args(request).args(more).current_dir(folder).output();
        let made = made.expect("openssl runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
}

/// The proxy and what it says, once it says that it listens. It does not survive a client that connects and
/// leaves, so that its port cannot be tried.
fn listening(folder: &Path) -> Option<(Server, mpsc::Receiver<String>)> {
    let mut command = Command::new("stdbuf");
    command.args(["-oL", "freerdp-proxy", "config.ini"]).current_dir(folder);
    command.env("HOME", folder).env("XDG_CONFIG_HOME", folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = Server(command.spawn().expect("the proxy starts"));
    let output = server.0.stdout.take().expect("its output");
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        // Read to the end, so that it never waits for a reader.
        for line in lines.filter(|line| line.contains("Listening on")) {
            let _ = tell.send(line);
        }
    });
    told.recv_timeout(STARTING).ok()?;
    Some((server, told))
}

async fn machine(name: &str) -> Running {
    let listen: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    start(fault(name).expect("a fault"), listen, Options::default()).await.expect("it starts")
}

/// A check that goes on to a session, saved.
async fn check(target: &str, folder: &Path, name: &str, more: &[&str]) -> (Run, Value, PathBuf) {
    let file = folder.join(name);
    let mut command = command();
    command.args(["check", target, "--timeout", "20", "-u", USER, "--trust", "any"]);
    command.args(["--logon", "--yes", "--json", "-o"]).arg(&file).args(more);
    command.env("XDG_STATE_HOME", folder).env("RDPDOCTOR_PASSWORD", PASSWORD);
    let run = tokio::task::spawn_blocking(move || run(&mut command)).await.expect("it ran");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|_| panic!("{run:?}"));
    let document = serde_json::from_str(&text).expect("a document");
    (run, document, file)
}

/// Through the bastion, which the list names.
async fn through(bastion: &Bastion, folder: &Path) -> (Run, Value, PathBuf) {
    let (file, list) = (bastion.rdp_file.to_str(), bastion.list.to_str());
    let list = ["--no-side", "--bastions", list.expect("UTF-8")];
    check(file.expect("UTF-8"), folder, "through.json", &list).await
}

/// The same to a machine that opens a session. FreeRDP's proxy crashes now and then while it makes its own
/// connection, and then there is nothing to compare: another one is begun.
async fn through_to_a_session(folder: &Path, target: SocketAddr) -> (Value, PathBuf) {
    for _ in 0..CRASHES {
        let bastion = bastion(folder, target);
        let (_, document, file) = through(&bastion, folder).await;
        let is_cut = findings(&document).iter().any(|found| found.starts_with("session.closed "));
        if !is_cut || !bastion.has_ended() {
            return (document, file);
        }
    }
    panic!("FreeRDP's proxy crashed {CRASHES} times");
}

fn compared(direct: &Path, through: &Path) -> Value {
    run(command().args(["compare", "--json"]).args([direct, through])).json()
}

fn aspects(comparison: &Value) -> Vec<&str> {
    let differences = comparison["differences"].as_array().expect("differences");
    differences.iter().filter_map(|difference| difference["aspect"].as_str()).collect()
}

const PROGRAMS: [&str; 3] = ["freerdp-proxy", "openssl", "stdbuf"];

/// The same session, by way of a hop that has its own certificate, issuer and TLS.
#[tokio::test(flavor = "multi_thread")]
async fn freerdp_proxy_in_the_middle() {
    if !installed(&PROGRAMS, "freerdp_proxy_in_the_middle") {
        return;
    }
    let folder = folder("bastion-freerdp");
    let machine = machine("healthy-logon-tls").await;
    let (_, direct, direct_file) =
        check(&machine.address().to_string(), &folder, "direct.json", &[]).await;
    assert_eq!(direct["verdict"]["status"], "ok", "{:?}", findings(&direct));
    let (document, through_file) = through_to_a_session(&folder, machine.address()).await;
    let found = findings(&document);
    assert!(found.contains(&"pam.in-path info likely".to_owned()), "{found:?}");
    assert!(!found.iter().any(|found| found.contains(" blocking ")), "{found:?}");
    let kinds = |document: &Value, kind: &str| {
        let observations = document["observations"].as_array().expect("observations");
        observations.iter().filter(|o| o["kind"] == kind).count()
    };
    assert!(kinds(&document, "logged-on") > 0, "the session is the machine's");
    let comparison = compared(&direct_file, &through_file);
    let seen = aspects(&comparison);
    for wanted in ["certificate", "issuer"] {
        assert!(seen.contains(&wanted), "{wanted}: {seen:?}");
    }
    assert_eq!(comparison["verdict"]["cause"], "pam.in-path", "{comparison}");
}

/// It takes the sign-in, then hangs up: what is behind it refuses, or wants another security.
#[tokio::test(flavor = "multi_thread")]
async fn freerdp_proxy_whose_machine_is_down() {
    if !installed(&PROGRAMS, "freerdp_proxy_whose_machine_is_down") {
        return;
    }
    let folder = folder("bastion-freerdp-down");
    let nobody = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let bastion = bastion(&folder, nobody);
    let (run, document, _) = through(&bastion, &folder).await;
    let found = findings(&document);
    assert_eq!((run.code, found[0].as_str()), (2, "pam.backend-refused blocking likely"));
    let other = "pam.backend-security-mismatch blocking possible".to_owned();
    assert!(found.contains(&other), "{found:?}");
    assert_eq!(document["verdict"]["owner"], "pam");
    let tests = document["next_tests"].to_string();
    assert!(tests.contains("from the bastion's own network"), "{tests}");
}

/// The same look, with NLA behind the bastion; beside a direct check, which NLA let in, it tells.
#[tokio::test(flavor = "multi_thread")]
async fn freerdp_proxy_whose_machine_wants_nla() {
    if !installed(&PROGRAMS, "freerdp_proxy_whose_machine_wants_nla") {
        return;
    }
    let folder = folder("bastion-freerdp-nla");
    let machine = machine("healthy-session").await;
    let bastion = bastion(&folder, machine.address());
    let (_, direct, direct_file) =
        check(&machine.address().to_string(), &folder, "direct.json", &[]).await;
    assert_eq!(direct["verdict"]["status"], "ok", "{:?}", findings(&direct));
    let (run, document, through_file) = through(&bastion, &folder).await;
    let found = findings(&document);
    assert_eq!((run.code, found[0].as_str()), (2, "pam.backend-refused blocking likely"));
    let other = "pam.backend-security-mismatch blocking possible".to_owned();
    assert!(found.contains(&other), "{found:?}");
    let comparison = compared(&direct_file, &through_file);
    let seen = aspects(&comparison);
    for wanted in ["certificate", "issuer", "answer"] {
        assert!(seen.contains(&wanted), "{wanted}: {seen:?}");
    }
    let cause = &comparison["verdict"]["cause"];
    assert_eq!(cause, "pam.backend-security-mismatch", "{comparison}");
}

// ── real machines behind it ─────────────────────────────────────────────────────────────────────

/// What a check of a machine says, straight and through the bastion, and what a comparison makes of it.
async fn told_both_ways(folder: &Path, target: &str) -> String {
    let (_, direct, direct_file) = check(target, folder, "direct.json", &["--no-side"]).await;
    let target = target.parse().expect("an address");
    let (through, through_file) = through_to_a_session(folder, target).await;
    let comparison = compared(&direct_file, &through_file);
    let mut told = String::new();
    for (name, document) in [("straight", &direct), ("by the bastion", &through)] {
        told.push_str(&format!("{name}: {}\n", word(&document["verdict"]["title"])));
        for stage in document["stages"].as_array().expect("stages") {
            told.push_str(&format!("    {} {}\n", word(&stage["stage"]), word(&stage["status"])));
        }
        for finding in findings(document) {
            told.push_str(&format!("    {finding}\n"));
        }
    }
    told.push_str(&format!("compared: {}\n", word(&comparison["verdict"]["cause"])));
    for difference in comparison["differences"].as_array().expect("differences") {
        // Ports are others in each run.
        if difference["matters"] == true && difference["aspect"] != "port" {
            let value = |group: &str| word(&difference[group][0]["value"]);
            let (aspect, before, behind) = (word(&difference["aspect"]), value("a"), value("b"));
            told.push_str(&format!("    {aspect}: {before} / {behind}\n"));
        }
    }
    told
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

fn matches_snapshot(name: &str, told: &str) {
    let own_name = std::fs::read_to_string("/proc/sys/kernel/hostname").expect("this machine's");
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"127\.0\.0\.1(:\d+)?", "LOOPBACK");
    settings.add_filter(r"\b[0-9A-Fa-f:]{40,}\b", "FINGERPRINT");
    settings.add_filter(r"\d{4}-\d\d-\d\d[T ]?[\d:.]*Z?", "WHEN");
    settings.add_filter(&format!(r"CN={}[\w.-]*", own_name.trim()), "CN=OWN-NAME");
    settings.bind(|| insta::assert_snapshot!(name, told));
}

/// xrdp behind the bastion: its greeter is what is seen both ways, by another certificate.
#[tokio::test(flavor = "multi_thread")]
async fn freerdp_proxy_before_xrdp() {
    let programs = [&PROGRAMS[..], &["xrdp"]].concat();
    if !installed(&programs, "freerdp_proxy_before_xrdp") {
        return;
    }
    let (_server, target) = xrdp("xrdp-behind-bastion", &[("security_layer", "tls")], VALID);
    let told = told_both_ways(&folder("bastion-xrdp"), &target).await;
    assert!(told.contains("compared: pam.in-path\n"), "{told}");
    matches_snapshot("freerdp-proxy-xrdp", &told);
}

/// FreeRDP's shadow server behind the bastion, which shares a screen with everybody.
#[tokio::test(flavor = "multi_thread")]
async fn freerdp_proxy_before_a_shadow_server() {
    let programs = [&PROGRAMS[..], &["freerdp-shadow-cli", "Xvfb"]].concat();
    if !installed(&programs, "freerdp_proxy_before_a_shadow_server") {
        return;
    }
    let (_server, _display, target) = shadow_by("behind-bastion", "tls", &["-auth"]);
    let told = told_both_ways(&folder("bastion-shadow"), &target).await;
    assert!(told.contains("compared: pam.in-path\n"), "{told}");
    matches_snapshot("freerdp-proxy-shadow", &told);
}
