//! `check` under Wine and here against the same server: the same answer, but for what is listed here.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use rdpdoctor_lab::{Options, PASSWORD, Running, USER, fault, start};
use serde_json::Value;

use crate::programs::{free_port, serve};
use crate::wine::{Run, Wine, native, windows_path};

/// The one kind of observation of the main path that Wine cannot give: SIO_TCP_INFO is not among the
/// controls that its Winsock knows.
const NOT_UNDER_WINE: &str = "tcp-figures";

/// Servers that reset the connection. Wine's server asks a socket with an error for it (SO_ERROR) to know
/// what to wake, and has it then; the program reads the end of the stream. So FIN is told there for RST.
const RESET: [&str; 2] = ["tls-key-unavailable-rst", "net-closed-on-accept-rst"];

/// `check` under Wine; `trusted` is a file of certificates.
pub fn under_wine(wine: &Wine, arguments: &[&str], trusted: Option<&Path>) -> Run {
    let mut command = wine.command();
    let state = wine.new_folder("state").join("under-wine");
    // Wine hands all variables on.
    command.env("LOCALAPPDATA", windows_path(&state)).env("RDPDOCTOR_PASSWORD", PASSWORD);
    if let Some(file) = trusted {
        command.env("SSL_CERT_FILE", windows_path(file));
    }
    Run::of(command.arg("check").args(arguments))
}

/// Both answers to the same arguments.
fn both(wine: &Wine, arguments: &[&str], trusted: Option<&Path>) -> (Run, Run) {
    let mut here = native();
    here.env("XDG_STATE_HOME", wine.new_folder("state").join("here"));
    if let Some(file) = trusted {
        here.env("SSL_CERT_FILE", file);
    }
    // The same engine on both sides: what the other one comes to is held against this in `native.rs`.
    let arguments = [arguments, &["--engine", "portable"]].concat();
    let there = under_wine(wine, &arguments, trusted);
    (there, Run::of(here.arg("check").args(arguments)))
}

/// What has to be equal in both documents.
fn comparable(document: &Value, resets: bool) -> Value {
    let list = |name: &str| document[name].as_array().cloned().unwrap_or_default();
    let stages: Vec<Value> = list("stages")
        .into_iter()
        .map(|stage| serde_json::json!([stage["stage"], stage["status"]]))
        .collect();
    let mut findings = list("findings");
    for finding in findings.iter_mut().filter_map(Value::as_object_mut) {
        // Numbers of observations: one is missing under Wine.
        finding.remove("evidence");
        let explanation = finding.remove("explanation");
        // It says after how many milliseconds the connection ended; and how, which is RST for FIN.
        if let (false, Some(Value::String(text))) = (resets, explanation) {
            finding.insert("explanation".to_owned(), without_numbers(&text).into());
        }
    }
    serde_json::json!({
        "verdict": document["verdict"],
        "target": document["target"],
        "stages": stages,
        "findings": findings,
        "next_tests": document["next_tests"],
    })
}

/// The kinds of observation.
fn kinds(document: &Value) -> BTreeSet<&str> {
    let observations = document["observations"].as_array().expect("observations");
    let all = observations.iter().filter_map(|o| o["kind"].as_str());
    all.filter(|kind| *kind != NOT_UNDER_WINE).collect()
}

/// Numbers are times, ports and counts.
fn without_numbers(text: &str) -> String {
    let shown = text.chars().map(|c| if c.is_ascii_digit() || c == '.' { '#' } else { c });
    let mut plain: Vec<char> = shown.collect();
    plain.dedup_by(|a, b| *a == '#' && *b == '#');
    let plain: String = plain.into_iter().collect();
    // Whether a round trip is above a millisecond is the moment's.
    plain.split_whitespace().collect::<Vec<_>>().join(" ").replace("under # ms", "# ms")
}

/// Both answers without the questions beside the main path, which are cut off with it: how many of those
/// are answered by then is the moment's.
fn same(there: &Run, here: &Run, resets: bool) {
    let (left, right) = (there.json(), here.json());
    let both = (comparable(&left, resets), comparable(&right, resets));
    assert_eq!(both.0, both.1, "under Wine and here");
    assert_eq!(kinds(&left), kinds(&right), "under Wine and here");
    assert_eq!(there.code, here.code);
    assert_eq!(there.stderr, here.stderr);
}

pub fn observation<'a>(document: &'a Value, kind: &str) -> &'a Value {
    let observations = document["observations"].as_array().expect("observations");
    observations.iter().find(|o| o["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"))
}

/// How a stage ended.
pub fn status<'a>(document: &'a Value, name: &str) -> &'a Value {
    let stages = document["stages"].as_array().expect("stages");
    &stages.iter().find(|stage| stage["stage"] == name).expect("the stage")["status"]
}

/// RST is told by Winsock too; whether an ICMP message stood behind it is not.
pub fn a_closed_port(wine: &Wine) {
    let target = format!("127.0.0.1:{}", free_port());
    let arguments = [&target, "--json", "--reported", "0x204:0x0"];
    let (there, here) = both(wine, &arguments, None);
    let document = there.json();
    assert_eq!((there.code, &document["verdict"]["cause"]), (2, &Value::from("net.refused")));
    assert_eq!(document["verdict"], here.json()["verdict"]);
    let failed = observation(&document, "tcp-failed");
    assert_eq!((&failed["failure"], &failed["os_error"]), (&"refused".into(), &10061.into()));
    assert_eq!(failed["icmp"]["lookup"], "unavailable", "{failed}");
    assert_eq!(observation(&here.json(), "tcp-failed")["os_error"], 111);
}

/// Starts a server of the lab, which runs as long as both are held.
pub fn lab(name: &str, authority: &Path) -> (tokio::runtime::Runtime, Running) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let fault = fault(name).unwrap_or_else(|| panic!("no fault {name}"));
    let options = Options { ca_file: Some(authority.to_owned()), ..Options::default() };
    let listen = "127.0.0.1:0".parse().expect("an address");
    let running = runtime.block_on(start(fault, listen, options)).expect("the fault starts");
    (runtime, running)
}

/// FIN, RST, an alert, silence and a healthy server.
pub fn servers_of_the_lab(wine: &Wine) {
    let folder = wine.new_folder("lab");
    let faults = [
        "healthy-nla",
        "healthy-tls-only",
        "healthy-ca-certificate",
        "tls-key-unavailable-fin",
        "tls-key-unavailable-rst",
        "cert-expired",
        "net-silent-listener",
        "net-closed-on-accept-fin",
        "net-closed-on-accept-rst",
    ];
    for name in faults {
        eprintln!("  {name}");
        let resets = RESET.contains(&name);
        let authority = folder.join("ca.pem");
        let (_runtime, running) = lab(name, &authority);
        let target = running.address().to_string();
        let arguments = [target.as_str(), "--json", "--timeout", "4", "--no-side"];
        let (there, here) = both(wine, &arguments, Some(&authority));
        same(&there, &here, resets);
        let cause = fault(name).and_then(|fault| fault.cause);
        assert_eq!(there.json()["verdict"]["cause"].as_str(), cause, "{name}");
        // What is asked beside changes nothing of it.
        let beside = [target.as_str(), "--json", "--timeout", "4"];
        let run = under_wine(wine, &beside, Some(&authority));
        assert_eq!((run.code, run.json()["verdict"]["cause"].as_str()), (there.code, cause));
        let (there, here) = both(wine, &[&target, "--timeout", "4", "--no-side"], Some(&authority));
        assert_eq!(there.code, here.code, "{name}");
        let words = |run: &Run| {
            let words = without_numbers(&run.stdout);
            if !resets {
                return words;
            }
            words.replace("cut the connection", "hung up").replace("(RST after", "(FIN after")
        };
        assert_eq!(words(&there), words(&here), "{name}");
    }
}

/// NTLM, the session and its first picture.
pub fn signing_in_at_the_lab(wine: &Wine) {
    let folder = wine.new_folder("sign-in");
    let authority = folder.join("ca.pem");
    let (_runtime, running) = lab("healthy-session", &authority);
    let target = running.address().to_string();
    let picture = folder.join("erstes Bild \u{e4}\u{6771}.png");
    let path = windows_path(&picture);
    let sign_in = ["-u", USER, "--trust", "any", "--yes", "--desktop", &path];
    let arguments = [&[target.as_str(), "--json", "--no-side"][..], &sign_in].concat();
    let there = under_wine(wine, &arguments, Some(&authority));
    let document = there.json();
    assert_eq!((there.code, &document["verdict"]["cause"]), (0, &Value::Null), "{there:?}");
    assert!(std::fs::read(&picture).expect("the picture").starts_with(b"\x89PNG"));
    let stages = document["stages"].as_array().expect("stages");
    let status =
        |name: &str| stages.iter().find(|stage| stage["stage"] == name).map(|s| &s["status"]);
    for name in ["credssp", "mcs", "licensing", "session", "desktop"] {
        assert_eq!(status(name), Some(&"ok".into()), "{name}");
    }
    assert!(!there.stdout.contains(PASSWORD) && !there.stderr.contains(PASSWORD));
}

/// xrdp with TLS and a certificate that may do anything, and its address.
pub fn xrdp(wine: &Wine) -> (impl Drop + use<>, String) {
    let folder = wine.new_folder("xrdp");
    let path = |file: &str| folder.join(file).display().to_string();
    let made = Run::of(
        Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"])
            .args([
                "-subj",
                "/CN=xrdp.test",
                "-keyout",
                &path("key.pem"),
                "-out",
                &path("cert.pem"),
            ]),
    );
    assert_eq!(made.code, 0, "{made:?}");
    let port = free_port();
    let text = std::fs::read_to_string("/etc/xrdp/xrdp.ini").expect("xrdp's configuration");
    let own = [
        ("port", format!("tcp://127.0.0.1:{port}")),
        ("security_layer", "tls".to_owned()),
        ("certificate", path("cert.pem")),
        ("key_file", path("key.pem")),
        ("LogFile", path("xrdp.log")),
    ];
    let (mut section, mut lines) = (String::new(), Vec::new());
    for line in text.lines() {
        if line.starts_with('[') {
            line.trim().clone_into(&mut section);
        }
        // Sessions have a `port` of their own.
        let ours = ["[Globals]", "[Logging]"].contains(&section.as_str());
        let key = line.split('=').next().unwrap_or_default().trim();
        let value = own.iter().find(|(name, _)| ours && *name == key);
        lines
            .push(value.map_or_else(|| line.to_owned(), |(name, value)| format!("{name}={value}")));
    }
    let file = folder.join("xrdp.ini");
    std::fs::write(&file, lines.join("\n")).expect("a file");
    let mut server = Command::new("xrdp");
    server.args(["--nodaemon", "--config"]).arg(&file);
    (serve(&mut server, &folder, port), format!("127.0.0.1:{port}"))
}

pub fn xrdp_of_debian(wine: &Wine) {
    let (_server, target) = xrdp(wine);
    let (there, here) = both(wine, &[&target, "--json", "--no-side"], None);
    same(&there, &here, false);
    let document = there.json();
    assert_eq!((there.code, &document["verdict"]["cause"]), (0, &Value::Null), "{there:?}");
    assert_eq!(observation(&document, "connection-confirm")["negotiation"]["selected_protocol"], 1);
}
