//! Real servers from Debian's packages, started on loopback.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::programs::{Server, free_port, installed, serve, xvfb};
use crate::support::{Run, cause, check, command, findings, folder, run};

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
pub fn xrdp(name: &str, globals: &[(&str, &str)], dates: (&str, &str)) -> (Server, String) {
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
    let (mut section, mut lines) = (String::new(), Vec::new());
    for line in text.lines() {
        if line.starts_with('[') {
            line.trim().clone_into(&mut section);
        }
        let key = line.split('=').next().unwrap_or_default().trim();
        let given = globals.iter().map(|(k, v)| (*k, (*v).to_owned()));
        let mut values = own.iter().map(|(k, v)| (*k, v.clone())).chain(given);
        // Sessions have a `port` of their own.
        let ours = ["[Globals]", "[Logging]"].contains(&section.as_str());
        let value = values.find(|(k, _)| ours && *k == key);
        lines.push(value.map_or_else(|| line.to_owned(), |(k, v)| format!("{k}={v}")));
    }
    let file = folder.join("xrdp.ini");
    std::fs::write(&file, lines.join("\n")).expect("a file");
    let mut command = Command::new("xrdp");
    command.args(["--nodaemon", "--config"]).arg(&file);
    (serve(&mut command, &folder, port), format!("127.0.0.1:{port}"))
}

/// Years around any day on which these tests run.
pub const VALID: (&str, &str) = ("20200101000000Z", "20490101000000Z");

fn stage<'a>(document: &'a Value, name: &str) -> &'a str {
    let stages = document["stages"].as_array().expect("stages");
    let stage = stages.iter().find(|stage| stage["stage"] == name).expect("the stage");
    stage["status"].as_str().expect("a status")
}

/// The observations of one kind.
fn seen<'a>(document: &'a Value, kind: &str) -> Vec<&'a Value> {
    let observations = document["observations"].as_array().expect("observations");
    observations.iter().filter(|o| o["kind"] == kind).collect()
}

/// The protocols that the server selected, in the order of its answers; side questions aside.
fn selected(document: &Value) -> Vec<&Value> {
    let connections = seen(document, "connection");
    let aside = |o: &Value| {
        let made = connections.iter().find(|c| c["number"] == o["connection"]);
        made.is_none_or(|c| c["purpose"] != "main" && c["purpose"] != "fallback")
    };
    let confirms = seen(document, "connection-confirm").into_iter().filter(|o| !aside(o));
    let answers = confirms.map(|o| &o["negotiation"]);
    answers.filter(|n| n["answer"] == "response").map(|n| &n["selected_protocol"]).collect()
}

#[test]
fn xrdp_negotiates_tls() {
    if !installed(&["xrdp", "openssl"], "xrdp_negotiates_tls") {
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
        assert!(document["verdict"]["cause"].is_null());
        assert_eq!(selected(&document), [1]);
        assert_eq!(seen(&document, "tls-established").len(), 1);
        assert_eq!(seen(&document, "mcs-connect-response")[0]["result"], 0);
    }
}

#[test]
fn xrdp_with_standard_rdp_security_only() {
    if !installed(&["xrdp", "openssl"], "xrdp_with_standard_rdp_security_only") {
        return;
    }
    let (_server, target) = xrdp("xrdp-rdp", &[("security_layer", "rdp")], VALID);
    let run = check(&target, &[]);
    let document = run.json();
    // It does not refuse TLS by a failure code: it simply selects the old protocol.
    let expected = (1, "nego.legacy-security-only");
    assert_eq!((run.code, cause(&document)), expected, "{:?}", findings(&document));
    assert_eq!(selected(&document), [0]);
    assert!(seen(&document, "client-hello").is_empty());
    assert_eq!(stage(&document, "mcs"), "ok");
    let strict = check(&target, &["--security", "tls"]);
    assert_eq!(strict.code, 2, "{:?}", findings(&strict.json()));
}

#[test]
fn xrdp_with_an_expired_certificate() {
    if !installed(&["xrdp", "openssl"], "xrdp_with_an_expired_certificate") {
        return;
    }
    let dates = ("20200101000000Z", "20210101000000Z");
    let (_server, target) = xrdp("xrdp-expired", &[("security_layer", "tls")], dates);
    let run = check(&target, &[]);
    let document = run.json();
    let expected = (1, "tls.certificate-expired");
    assert_eq!((run.code, cause(&document)), expected, "{:?}", findings(&document));
    let errors = seen(&document, "certificate-chain")[0]["errors"].as_array().expect("errors");
    // X509_V_ERR_CERT_HAS_EXPIRED.
    assert!(errors.iter().any(|error| error["code"] == 10), "{errors:?}");
    assert_eq!(check(&target, &["--trust", "strict"]).code, 2);
}

/// Debian's OpenSSL allows no signature with SHA-1 at its default security level, and TLS 1.0 has no
/// other: the server then ends every handshake with internal_error (80) and logs "no suitable
/// signature algorithm". Its key is readable and fits, so the key must not be blamed.
#[test]
fn xrdp_with_tls_1_0_only() {
    if !installed(&["xrdp", "openssl"], "xrdp_with_tls_1_0_only") {
        return;
    }
    let globals = [("security_layer", "tls"), ("ssl_protocols", "TLSv1")];
    let (_server, target) = xrdp("xrdp-tls10", &globals, VALID);
    let run = check(&target, &[]);
    let document = run.json();
    assert_eq!(run.code, 2, "{:?}", findings(&document));
    assert_eq!(document["verdict"]["stage"], "tls");
    assert_eq!(selected(&document), [1]);
    let alert = seen(&document, "tls-alert")[0];
    assert_eq!((&alert["from"], &alert["description"]), (&"server".into(), &80.into()));
    assert_eq!(alert["awaited"], "server-hello");
    assert_eq!(findings(&document), ["tls.no-common-version blocking likely"]);
}

fn shadow(security: &str) -> (Server, Server, String) {
    shadow_with(security, security, None)
}

/// With the accounts of a SAM file where one is given.
fn shadow_with(name: &str, security: &str, sam: Option<&str>) -> (Server, Server, String) {
    let file = folder(&format!("shadow-{name}-accounts")).join("sam");
    let Some(sam) = sam else { return shadow_by(name, security, &[]) };
    std::fs::write(&file, sam).expect("a file");
    shadow_by(name, security, &[&format!("/sam-file:{}", file.display())])
}

/// With these arguments beside its own.
pub fn shadow_by(name: &str, security: &str, more: &[&str]) -> (Server, Server, String) {
    let folder = folder(&format!("shadow-{name}"));
    let (display, number) = xvfb();
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
    command.args(more).env("DISPLAY", number).env("HOME", &folder).env("XDG_CONFIG_HOME", &folder);
    (serve(&mut command, &folder, port), display, format!("127.0.0.1:{port}"))
}

/// It bears this machine's own name, to which a Windows client would not connect.
#[test]
fn freerdp_shadow_with_nla() {
    if !installed(&["freerdp-shadow-cli", "Xvfb"], "freerdp_shadow_with_nla") {
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
    let found = findings(&document);
    assert!(found.iter().any(|f| f.starts_with("net.self-connection warning ")), "{found:?}");
    assert!(!found.iter().any(|f| f.contains(" blocking ")), "{found:?}");
    assert_eq!(seen(&document, "tls-established").len(), 1);
    assert_eq!(seen(&document, "ntlm-challenge")[0]["version"]["build"], 7601);
}

#[test]
fn freerdp_shadow_without_nla() {
    if !installed(&["freerdp-shadow-cli", "Xvfb"], "freerdp_shadow_without_nla") {
        return;
    }
    let (_server, _display, target) = shadow("tls");
    let run = check(&target, &[]);
    let document = run.json();
    assert_eq!((run.code, cause(&document)), (0, "healthy"), "{:?}", findings(&document));
    assert_eq!(seen(&document, "tls-established").len(), 1);
    assert_eq!(stage(&document, "mcs"), "ok");
    let (_server, _display, target) = shadow("rdp");
    let run = check(&target, &[]);
    let document = run.json();
    // SSL_NOT_ALLOWED_BY_SERVER (2) first, then the old protocol on a second connection.
    let expected = (1, "nego.tls-not-allowed");
    assert_eq!((run.code, cause(&document)), expected, "{:?}", findings(&document));
    assert_eq!(seen(&document, "connection-confirm")[0]["negotiation"]["code"], 2);
    assert_eq!(selected(&document), [0]);
    assert_eq!(stage(&document, "mcs"), "ok");
}

/// NTOWFv1 of `Secret-1` (MS-NLMP 3.3.1): MD4 over its UTF-16.
const SECRET_1: &str = "32dd88ba05015976331dd499de64e9d9";

fn signing_in(target: &str, state: &Path, password: &str, more: &[&str]) -> Run {
    let mut command = command();
    command.args(["check", target, "--json", "-u", "jo", "--trust", "any"]).args(more);
    run(command.env("XDG_STATE_HOME", state).env("RDPDOCTOR_PASSWORD", password))
}

/// The whole way: NLA with the right password, the session, a picture of the shared screen.
#[test]
fn freerdp_shadow_with_a_password() {
    if !installed(&["freerdp-shadow-cli", "Xvfb"], "freerdp_shadow_with_a_password") {
        return;
    }
    let sam = format!("jo:::{SECRET_1}:::\n");
    let (_server, _display, target) = shadow_with("sam", "nla", Some(&sam));
    let state = folder("shadow-state");
    let picture = state.join("desktop.png");
    let keep = ["--yes", "--desktop", picture.to_str().expect("UTF-8")];
    let run = signing_in(&target, &state, "Secret-1", &keep);
    let document = run.json();
    // It bears this machine's own name: a warning, and nothing that blocks.
    assert_eq!(run.code, 1, "{:?}", findings(&document));
    for reached in ["credssp", "mcs", "licensing", "session", "desktop"] {
        let expected = if reached == "credssp" { "warned" } else { "ok" };
        assert_eq!(stage(&document, reached), expected, "{reached}");
    }
    let painted = &seen(&document, "picture")[0];
    assert_eq!((&painted["width"], &painted["painted_percent"]), (&640.into(), &100.into()));
    assert!(std::fs::read(&picture).expect("the picture").starts_with(b"\x89PNG"));

    let run = signing_in(&target, &state, "wrong", &[]);
    let document = run.json();
    // FreeRDP 2 hangs up without a status; Windows would send one.
    assert_eq!((run.code, cause(&document)), (2, "nla.closed-without-answer"));
    let also = "nla.credentials-rejected blocking possible".to_owned();
    assert!(findings(&document).contains(&also), "{:?}", findings(&document));
}

/// An account of this machine, made for one test.
struct Account(&'static str);

impl Account {
    /// Its window manager paints a pattern and waits.
    fn new(name: &'static str, password: &str) -> Self {
        let done = |command: &mut Command| command.status().is_ok_and(|status| status.success());
        let account = Self(name);
        assert!(done(Command::new("useradd").args(["--create-home", name])), "useradd {name}");
        let mut passwords = Command::new("chpasswd").stdin(Stdio::piped()).spawn().expect("runs");
        let mut input = passwords.stdin.take().expect("its input");
        std::io::Write::write_all(&mut input, format!("{name}:{password}\n").as_bytes())
            .expect("written");
        drop(input);
        assert!(passwords.wait().expect("it ends").success());
        let manager = format!("/home/{name}/startwm.sh");
        let script = "#!/bin/sh\nxsetroot -mod 8 8 -fg white -bg navy\nexec sleep 600\n";
        std::fs::write(&manager, script).expect("a file");
        assert!(done(Command::new("chmod").args(["755", &manager])));
        account
    }
}

impl Drop for Account {
    /// Its session is ended with it.
    fn drop(&mut self) {
        let _ = Command::new("pkill").args(["-KILL", "-u", self.0]).status();
        let _ = Command::new("userdel").args(["--force", "--remove", self.0]).output();
    }
}

/// A session of a real account, and a picture of it. Without NLA the password goes in the client
/// info, and the server says nothing of the logon: the picture does.
#[test]
fn xrdp_session_with_a_real_account() {
    let test = "xrdp_session_with_a_real_account";
    if !installed(&["xrdp", "xrdp-sesman", "Xvnc", "xsetroot", "useradd"], test) {
        return;
    }
    if std::fs::read_dir("/root").is_err() {
        eprintln!("skipped: it makes an account and so wants root: {test}");
        return;
    }
    let state = folder("xrdp-session");
    let _account = Account::new("rdpdoctor-test", "Secret-1");
    // xrdp looks for its session manager at the port of the system's own configuration.
    let own = std::fs::read_to_string("/etc/xrdp/sesman.ini").expect("its configuration");
    let log = state.join("sesman.log");
    let lines = own.lines().map(|line| match line.split('=').next() {
        Some("LogFile") => format!("LogFile={}", log.display()),
        _ => line.to_owned(),
    });
    let config = state.join("sesman.ini");
    std::fs::write(&config, lines.collect::<Vec<_>>().join("\n")).expect("a file");
    let mut command = Command::new("xrdp-sesman");
    command.args(["--nodaemon", "--config"]).arg(&config);
    let _manager = serve(&mut command, &state, 3350);
    let globals = [("security_layer", "tls"), ("autorun", "Xvnc")];
    let (_server, target) = xrdp("xrdp-with-session", &globals, VALID);
    let (code, document) = painted(&target, &state, &[]);
    assert_eq!((code, cause(&document)), (0, "healthy"), "{:?}", findings(&document));
    // It asks for a licence request and then gives way; both are answered.
    assert_eq!(seen(&document, "license-message")[0]["message_type"], 1);

    // The same session once more, by each encryption that it knows without TLS.
    let levels = [
        ("low", 1, 1, true),
        ("medium", 1, 2, true),
        ("high", 2, 3, false),
        ("fips", 16, 4, false),
    ];
    for (name, method, level, weak) in levels {
        let globals = [("security_layer", "rdp"), ("autorun", "Xvnc"), ("crypt_level", name)];
        let (_server, target) = xrdp(&format!("xrdp-rdp-{name}"), &globals, VALID);
        let (code, document) = painted(&target, &state, &["--security", "rdp"]);
        let expected = if weak { (1, "rdpsec.weak-encryption") } else { (0, "healthy") };
        assert_eq!((code, cause(&document)), expected, "{name}: {:?}", findings(&document));
        let security = seen(&document, "server-security-data")[0];
        assert_eq!(security["encryption_method"], method, "{name}: {security}");
        assert_eq!(security["encryption_level"], level, "{name}: {security}");
        let key = &security["certificate"];
        assert!(key.to_string().contains("\"signature_valid\":true"), "{name}: {key}");
    }
}

/// Goes as far as the picture, which is not blank; the exit code and the document.
fn painted(target: &str, state: &Path, more: &[&str]) -> (i32, Value) {
    let picture = state.join("desktop.png");
    let mut command = crate::support::command();
    command.args(["check", target, "--json", "-u", "rdpdoctor-test", "--trust", "any", "--yes"]);
    command.arg("--desktop").arg(&picture).args(more);
    let run = run(command.env("XDG_STATE_HOME", state).env("RDPDOCTOR_PASSWORD", "Secret-1"));
    let document = run.json();
    for reached in ["licensing", "session", "desktop"] {
        assert_eq!(stage(&document, reached), "ok", "{reached}: {:?}", findings(&document));
    }
    let painted = seen(&document, "picture")[0];
    assert_eq!(painted["blank"], false, "{painted}");
    assert!(painted["painted_percent"].as_u64().expect("a number") > 90, "{painted}");
    assert_eq!(seen(&document, "session-left").len(), 1);
    let shown = std::fs::metadata(&picture).expect("the picture");
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&shown.permissions()) & 0o777, 0o600);
    (run.code, document)
}
