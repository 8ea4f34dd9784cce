//! Real servers from Debian's packages, started on loopback.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{cause, check, findings, folder};

/// How long a server may take to listen.
const STARTING: Duration = Duration::from_secs(20);

/// A program that is ended with the test, however it ends.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether a program is there; in CI everything has to be.
fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .any(|folder| folder.join(program).exists());
    if !there {
        assert!(std::env::var_os("CI").is_none(), "{program} is not installed");
        eprintln!("skipped: {program} is not installed");
    }
    there
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    listener.local_addr().expect("an address").port()
}

/// Starts a program whose output goes to a file, and waits until its port takes connections: it has
/// no other sign of being ready.
fn serve(command: &mut Command, folder: &Path, port: u16) -> Server {
    let log = folder.join("output");
    let output = File::create(&log).expect("a file");
    let errors = output.try_clone().expect("a file");
    let child = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
    let mut server = Server(child.expect("the server starts"));
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let ended = server.0.try_wait().expect("a child");
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        assert!(ended.is_none() && begun.elapsed() < STARTING, "{ended:?}: {}", said());
        std::thread::sleep(Duration::from_millis(20));
    }
    server
}

fn openssl(folder: &Path, arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).current_dir(folder).output();
    let output = output.expect("openssl runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A key and a certificate of its own; `ca` lets the dates be chosen.
fn certificate(folder: &Path, from: &str, to: &str) {
    openssl(
        folder,
        &[
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "key.pem",
            "-out",
            "request.pem",
            "-subj",
            "/CN=xrdp.test",
        ],
    );
    std::fs::write(folder.join("index.txt"), "").expect("a file");
    std::fs::write(folder.join("serial"), "01\n").expect("a file");
    let config = "[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n";
    std::fs::write(folder.join("ca.conf"), config).expect("a file");
    openssl(
        folder,
        &[
            "ca",
            "-batch",
            "-config",
            "ca.conf",
            "-selfsign",
            "-keyfile",
            "key.pem",
            "-in",
            "request.pem",
            "-out",
            "cert.pem",
            "-startdate",
            from,
            "-enddate",
            to,
            "-notext",
        ],
    );
}

/// xrdp with these lines of its [Globals] changed.
fn xrdp(name: &str, globals: &[(&str, &str)], dates: (&str, &str)) -> (Server, String) {
    let folder = folder(name);
    certificate(&folder, dates.0, dates.1);
    let port = free_port();
    let text = std::fs::read_to_string("/etc/xrdp/xrdp.ini").expect("xrdp's configuration");
    let path = |file: &str| folder.join(file).display().to_string();
    let own = [
        ("port", format!("tcp://127.0.0.1:{port}")),
        ("LogFile", path("xrdp.log")),
        ("certificate", path("cert.pem")),
        ("key_file", path("key.pem")),
    ];
    let changed = |line: &str| {
        let key = line.split('=').next().unwrap_or_default().trim();
        let given = globals.iter().map(|(k, v)| (*k, (*v).to_owned()));
        let mut values = own.iter().map(|(k, v)| (*k, v.clone())).chain(given);
        values.find(|(k, _)| *k == key).map_or_else(|| line.to_owned(), |(k, v)| format!("{k}={v}"))
    };
    let lines: Vec<String> = text.lines().map(changed).collect();
    let file = folder.join("xrdp.ini");
    std::fs::write(&file, lines.join("\n")).expect("a file");
    let mut command = Command::new("xrdp");
    command.args(["--nodaemon", "--config"]).arg(&file);
    (serve(&mut command, &folder, port), format!("127.0.0.1:{port}"))
}

/// Years around any day on which these tests run.
const VALID: (&str, &str) = ("20200101000000Z", "20490101000000Z");

fn stage<'a>(document: &'a Value, name: &str) -> &'a str {
    let stages = document["stages"].as_array().expect("stages");
    let stage = stages.iter().find(|stage| stage["stage"] == name).expect("the stage");
    stage["status"].as_str().expect("a status")
}

#[test]
fn xrdp_negotiates_tls() {
    if !installed("xrdp") {
        return;
    }
    for layer in ["negotiate", "tls"] {
        let name = format!("xrdp-{layer}");
        let (_server, target) = xrdp(&name, &[("security_layer", layer)], VALID);
        let run = check(&target, &[]);
        let document = run.json();
        assert_eq!((run.code, cause(&document)), (0, "healthy"), "{:?}", findings(&document));
        assert_eq!(stage(&document, "tls"), "ok");
        assert_eq!(stage(&document, "credssp"), "skipped");
        assert_eq!(stage(&document, "mcs"), "ok");
    }
}

#[test]
fn xrdp_with_standard_rdp_security_only() {
    if !installed("xrdp") {
        return;
    }
    let (_server, target) = xrdp("xrdp-rdp", &[("security_layer", "rdp")], VALID);
    let run = check(&target, &[]);
    let document = run.json();
    let known = ["nego.tls-not-allowed", "nego.legacy-security-only"];
    assert!(known.contains(&cause(&document)), "{:?}", findings(&document));
    assert_eq!(run.code, 1);
    assert_eq!(stage(&document, "mcs"), "ok");
    let strict = check(&target, &["--security", "tls"]);
    assert_eq!(strict.code, 2, "{:?}", findings(&strict.json()));
}

#[test]
fn xrdp_with_an_expired_certificate() {
    if !installed("xrdp") {
        return;
    }
    let dates = ("20200101000000Z", "20210101000000Z");
    let (_server, target) = xrdp("xrdp-expired", &[("security_layer", "tls")], dates);
    let run = check(&target, &[]);
    assert_eq!((run.code, cause(&run.json())), (1, "tls.certificate-expired"));
    assert_eq!(check(&target, &["--trust", "strict"]).code, 2);
}

/// Debian's OpenSSL refuses TLS 1.0 at its default security level: the server then has nothing in
/// common with anybody, and says so in its own way.
#[test]
fn xrdp_with_tls_1_0_only() {
    if !installed("xrdp") {
        return;
    }
    let globals = [("security_layer", "tls"), ("ssl_protocols", "TLSv1")];
    let (_server, target) = xrdp("xrdp-tls10", &globals, VALID);
    let run = check(&target, &[]);
    let document = run.json();
    let honest = [
        "tls.version-outdated",
        "tls.no-common-version",
        "tls.no-common-cipher",
        "tls.alert",
        "tls.closed",
        "tls.private-key-unavailable",
    ];
    assert!(honest.contains(&cause(&document)), "{:?}", findings(&document));
    assert!(matches!(run.code, 1 | 2));
}

/// An X server on a free display, whose number it tells by itself.
fn xvfb(folder: &Path) -> (Server, String) {
    let number = folder.join("display");
    let file = File::create(&number).expect("a file");
    let mut command = Command::new("Xvfb");
    command.args(["-displayfd", "1", "-noreset", "-screen", "0", "640x480x24"]);
    let child = command.stdin(Stdio::null()).stdout(file).stderr(Stdio::null()).spawn();
    let server = Server(child.expect("Xvfb starts"));
    let begun = Instant::now();
    loop {
        let text = std::fs::read_to_string(&number).unwrap_or_default();
        if text.ends_with('\n') {
            return (server, format!(":{}", text.trim()));
        }
        assert!(begun.elapsed() < STARTING, "Xvfb told no display");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn shadow(security: &str) -> (Server, Server, String) {
    let folder = folder(&format!("shadow-{security}"));
    let (display, number) = xvfb(&folder);
    let port = free_port();
    let mut command = Command::new("freerdp-shadow-cli");
    command.args([
        &format!("/port:{port}"),
        "/bind-address:127.0.0.1",
        &format!("/sec:{security}"),
    ]);
    if security == "nla" {
        command.arg("+sec-nla");
    }
    command.env("DISPLAY", number).env("HOME", &folder).env("XDG_CONFIG_HOME", &folder);
    (serve(&mut command, &folder, port), display, format!("127.0.0.1:{port}"))
}

/// It bears this machine's own name, to which a Windows client would not connect.
#[test]
fn freerdp_shadow_with_nla() {
    if !installed("freerdp-shadow-cli") || !installed("Xvfb") {
        return;
    }
    let (_server, _display, target) = shadow("nla");
    let run = check(&target, &[]);
    let document = run.json();
    assert_eq!(
        (run.code, cause(&document)),
        (1, "net.self-connection"),
        "{:?}",
        findings(&document)
    );
    assert_eq!(stage(&document, "credssp"), "warned");
    let observations = document["observations"].as_array().expect("observations");
    let challenge = observations.iter().find(|o| o["kind"] == "ntlm-challenge").expect("seen");
    assert_eq!(challenge["version"]["build"], 7601);
}

#[test]
fn freerdp_shadow_without_nla() {
    if !installed("freerdp-shadow-cli") || !installed("Xvfb") {
        return;
    }
    let (_server, _display, target) = shadow("tls");
    let run = check(&target, &[]);
    let document = run.json();
    assert_eq!((run.code, cause(&document)), (0, "healthy"), "{:?}", findings(&document));
    let (_server, _display, target) = shadow("rdp");
    let run = check(&target, &[]);
    let document = run.json();
    assert_eq!(run.code, 1, "{:?}", findings(&document));
    assert!(cause(&document).starts_with("nego."), "{:?}", findings(&document));
}
