//! Through proxies: those of the lab, and real ones from Debian's packages.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use rdpdoctor_lab::{Options, PASSWORD, Running, USER, fault, start};
use serde_json::Value;

use crate::programs::{Server, free_port, installed, serve};
use crate::recorder::Recorder;
use crate::support::{Run, cause, command, findings, folder, run};

/// A name that nobody but the proxy has to know; the lab's server bears it.
const NAME: &str = "labpc01.lab.invalid:3389";

const SCHEMES: [&str; 4] = ["http", "https", "socks5h", "socks5"];

/// Starts a fault of the lab, whose authority is believed from `ca.pem` in the test's folder.
pub async fn lab(name: &str, test: &str) -> (Running, std::path::PathBuf) {
    let ca_file = folder(test).join("ca.pem");
    let options = Options { ca_file: Some(ca_file.clone()), ..Options::default() };
    let listen: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    let running = start(fault(name).expect("a fault"), listen, options).await.expect("it starts");
    (running, ca_file)
}

/// A check of `target` by way of `proxy`.
pub fn by(proxy: &str, target: &str) -> Command {
    let mut command = command();
    command.args(["check", target, "--json", "--timeout", "4", "--proxy", proxy]);
    command
}

pub async fn answer(mut command: Command) -> Run {
    tokio::task::spawn_blocking(move || run(&mut command)).await.expect("it ran")
}

fn stage<'a>(document: &'a Value, name: &str) -> (&'a str, &'a str) {
    let stages = document["stages"].as_array().expect("stages");
    let stage = stages.iter().find(|stage| stage["stage"] == name).expect("the stage");
    let text = |key: &str| stage[key].as_str().expect("a text");
    (text("status"), text("detail"))
}

pub fn seen<'a>(document: &'a Value, kind: &str) -> Vec<&'a Value> {
    let observations = document["observations"].as_array().expect("observations");
    observations.iter().filter(|o| o["kind"] == kind).collect()
}

/// Every fault of the lab's proxy by every protocol: one line each, and the stage that tells.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn proxies_of_every_kind() {
    let faults = [
        "healthy-proxy",
        "proxy-auth",
        "proxy-auth-unsupported",
        "proxy-refused",
        "proxy-failed",
        "proxy-target-refused",
        "proxy-target-silent",
        "proxy-garbage",
        "proxy-silent",
        "proxy-closed",
    ];
    let mut tasks = Vec::new();
    for name in faults {
        for scheme in SCHEMES {
            let checked = async move {
                let (running, ca_file) = lab(name, &format!("proxy-{name}-{scheme}")).await;
                let proxy = format!("{scheme}://{}", running.proxy().expect("a proxy"));
                // Names that are resolved here have to be known here.
                let target = if scheme == "socks5" { "127.0.0.1:3389" } else { NAME };
                let mut command = by(&proxy, target);
                command.env("SSL_CERT_FILE", ca_file);
                answer(command).await
            };
            tasks.push((name, scheme, tokio::spawn(checked)));
        }
    }
    let mut table = String::new();
    for (name, scheme, task) in tasks {
        let document = task.await.expect("it ran").json();
        let wanted = fault(name).expect("a fault").cause.unwrap_or("healthy");
        assert_eq!(cause(&document), wanted, "{name} {scheme}: {:?}", findings(&document));
        let via = document["target"]["via"].as_str().expect("a proxy");
        assert!(via.starts_with(&format!("{scheme}://127.0.0.1:")), "{via}");
        table.push_str(&format!("{name} {scheme}: {}\n", document["verdict"]["title"]));
        for stage in ["proxy", "dns", "tcp"] {
            let (status, detail) = self::stage(&document, stage);
            table.push_str(&format!("    {stage} {status}: {detail}\n"));
        }
        for finding in findings(&document) {
            table.push_str(&format!("    {finding}\n"));
        }
    }
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"127\.0\.0\.1:\d{4,}", "127.0.0.1:PORT");
    settings.add_filter(r"(under )?\d+(\.\d+)? m?s\b", "TIME");
    settings.bind(|| insta::assert_snapshot!("proxies", table));
}

/// Nothing goes past the proxy, with however many questions; the proxy gets the name as it stands.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_carries_every_connection() {
    let (running, ca_file) = lab("healthy-proxy", "proxy-carries").await;
    let at = running.proxy().expect("a proxy");
    let mut command = by(&format!("socks5h://{at}"), NAME);
    command.arg("--deep").env("SSL_CERT_FILE", ca_file);
    let run = answer(command).await;
    let document = run.json();
    assert_eq!((run.code, cause(&document)), (0, "healthy"), "{:?}", findings(&document));
    let connections = seen(&document, "connection");
    assert!(connections.len() > 10, "{}", connections.len());
    for connection in connections {
        assert_eq!(connection["remote"], at.to_string(), "{connection}");
        let purpose = if connection["transport"] == "tcp" { "proxy" } else { "a tunnel's" };
        assert_eq!(connection["purpose"] == "proxy", purpose == "proxy", "{connection}");
    }
    assert!(seen(&document, "dns-answer").is_empty() && seen(&document, "reverse-name").is_empty());
    assert_eq!(stage(&document, "dns"), ("skipped", "not tested: the proxy resolves the name"));
    let asked = running.asked_of_proxy();
    assert!(asked.len() > 5 && asked.iter().all(|to| to == NAME), "{asked:?}");
}

/// The right password gets through, the wrong one is said, and neither is in any output.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_wants_a_sign_in() {
    let (running, ca_file) = lab("proxy-auth", "proxy-sign-in").await;
    let at = running.proxy().expect("a proxy");
    for scheme in SCHEMES {
        for (password, code, wanted) in
            [(PASSWORD, 0, "healthy"), ("wrong-Password-2", 2, "net.proxy-auth")]
        {
            let target = if scheme == "socks5" { "127.0.0.1:3389" } else { NAME };
            let mut command = by(&format!("{scheme}://{at}"), target);
            command.env("SSL_CERT_FILE", &ca_file);
            command.env("RDPDOCTOR_PROXY_USER", USER).env("RDPDOCTOR_PROXY_PASSWORD", password);
            let run = answer(command).await;
            let document = run.json();
            assert_eq!((run.code, cause(&document)), (code, wanted), "{scheme}: {}", run.stdout);
            assert!(!run.stdout.contains(password) && !run.stderr.contains(password));
        }
    }
}

/// Nothing is gained by trying it again, and its user may be locked out.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_a_proxy_rejects_is_tried_once() {
    let (running, ca_file) = lab("proxy-auth", "proxy-once").await;
    let proxy = format!("http://{}", running.proxy().expect("a proxy"));
    for words in [&["check", "--wait", "10m"][..], &["watch", "--for", "10m", "--every", "5s"]] {
        let mut command = command();
        command.args(words).args([NAME, "--json", "--timeout", "4", "--proxy", &proxy]);
        command.env("SSL_CERT_FILE", &ca_file);
        command.env("RDPDOCTOR_PROXY_USER", USER).env("RDPDOCTOR_PROXY_PASSWORD", "wrong-2");
        let run = answer(command).await;
        let last = run.stdout.trim_end().rsplit("\n{\"schema").next().expect("a document");
        assert!(run.code == 2 && last.contains("net.proxy-auth"), "{words:?}: {}", run.stdout);
    }
    // Each asked what the proxy takes, then signed in once.
    assert_eq!(running.asked_of_proxy().len(), 4);
}

/// A password goes to an `https` proxy only when its certificate holds.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_whose_certificate_nobody_vouches_for() {
    let (running, _) = lab("proxy-auth", "proxy-untrusted").await;
    let proxy = format!("https://{}", running.proxy().expect("a proxy"));
    for (trust, code, wanted) in [("warn", 2, "net.proxy-refused"), ("any", 0, "healthy")] {
        let mut command = by(&proxy, NAME);
        command.args(["--trust", trust]);
        command.env("RDPDOCTOR_PROXY_USER", USER).env("RDPDOCTOR_PROXY_PASSWORD", PASSWORD);
        let run = answer(command).await;
        let document = run.json();
        assert_eq!((run.code, cause(&document)), (code, wanted), "{}", run.stdout);
        let asked = running.asked_of_proxy();
        assert_eq!(asked.is_empty(), code == 2, "{asked:?}");
    }
}

/// TLS with an `https` proxy fails: live it is known whose it is. In a capture it may be any web page's, and
/// that is what `read` says.
#[tokio::test(flavor = "multi_thread")]
async fn tls_with_the_proxy_fails() {
    for (name, words) in [
        ("net-closed-on-accept-fin", "TLS with the proxy https://127.0.0.1:PORT fails"),
        ("wrong-service-http", "The proxy https://127.0.0.1:PORT answers TLS with something else"),
    ] {
        let Some(recorder) = Recorder::start() else { return };
        let begun = SystemTime::now();
        let running = lab(name, &format!("proxy-tls-{name}")).await.0;
        let port = running.address().port();
        let live = answer(by(&format!("https://127.0.0.1:{port}"), NAME)).await;
        let document = live.json();
        let verdict = &document["verdict"];
        let wanted = (2, "net.proxy-refused", &"proxy".into(), &"likely".into());
        let found = (live.code, cause(&document), &verdict["stage"], &verdict["proof"]);
        assert_eq!(found, wanted, "{:?}", findings(&document));
        assert_eq!(verdict["title"], words.replace("PORT", &port.to_string()).as_str());
        let capture = folder(&format!("proxy-tls-capture-{name}")).join("proxy.pcap");
        let bytes = recorder.stop().pcap(port, [begun, SystemTime::now()]);
        std::fs::write(&capture, bytes).expect("written");
        let read = run(command().arg("read").arg(&capture));
        assert_eq!((read.code, read.stdout.as_str()), (3, ""));
        let words = format!(
            "which of these connections was to be Remote Desktop: 127.0.0.1:{port} (TLS fails)"
        );
        assert!(read.stderr.contains(&words), "{}", read.stderr);
    }
}

/// `ALL_PROXY` counts, but for loopback and for what `NO_PROXY` names.
#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_of_the_environment() {
    let (running, _) = lab("healthy-proxy", "proxy-environment").await;
    let url = format!("socks5h://{}", running.proxy().expect("a proxy"));
    let direct = running.address().to_string();
    let via = |target: &str, exceptions: &str| {
        let mut command = command();
        command.args(["check", target, "--json", "--timeout", "2", "--no-side"]);
        command.env("ALL_PROXY", &url).env("NO_PROXY", exceptions);
        command
    };
    let document = answer(via(NAME, "other.invalid")).await.json();
    assert_eq!(
        (&document["target"]["via"], cause(&document)),
        (&Value::from(url.clone()), "healthy")
    );
    for (target, exceptions) in [(NAME, "lab.invalid"), (direct.as_str(), "")] {
        let document = answer(via(target, exceptions)).await.json();
        assert_eq!(document["target"]["via"], Value::Null, "{target}");
        assert!(seen(&document, "proxy-chosen").is_empty());
    }
}

#[test]
fn a_proxy_that_is_down() {
    let port = free_port();
    for scheme in SCHEMES {
        let run = run(&mut by(&format!("{scheme}://127.0.0.1:{port}"), "127.0.0.1"));
        let document = run.json();
        assert_eq!((run.code, cause(&document)), (2, "net.proxy-refused"), "{}", run.stdout);
        assert_eq!(document["verdict"]["stage"], "proxy");
        assert_eq!(document["verdict"]["proof"], "proven");
    }
    let run = run(&mut by("http://proxy.lab.invalid:3128", "127.0.0.1"));
    assert_eq!(cause(&run.json()), "net.proxy-refused");
}

#[test]
fn a_password_on_the_command_line_is_refused() {
    for url in
        ["http://jo:hunter2@127.0.0.1:1", "jo:hunter2@proxy", "socks5://jo:hunter2@", "nonsense"]
    {
        let run = run(&mut by(url, "127.0.0.1"));
        assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{url}");
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
        assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    }
}

/// What a person reads, and what a network team gets.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_reads_of_a_proxy() {
    let (running, ca_file) = lab("proxy-auth", "proxy-words").await;
    let proxy = format!("http://{}", running.proxy().expect("a proxy"));
    let (mut plain, mut network) = (command(), command());
    plain.args(["check", NAME, "--proxy", &proxy]).env("SSL_CERT_FILE", &ca_file);
    network.args(["check", NAME, "--proxy", &proxy, "--no-side", "--text", "network"]);
    network.env("SSL_CERT_FILE", &ca_file);
    network.env("RDPDOCTOR_PROXY_USER", USER).env("RDPDOCTOR_PROXY_PASSWORD", PASSWORD);
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"127\.0\.0\.1:\d{4,}", "127.0.0.1:PORT");
    settings.add_filter(r"(under )?\d+(\.\d+)? m?s\b", "TIME");
    settings.add_filter(r"\d{4}-\d\d-\d\d[T ]?[\d:.]*Z?", "WHEN");
    settings.add_filter(r"\b\d+ bytes", "N bytes");
    settings.add_filter(r"\bo\d+\b", "oN");
    let (plain, network) = (answer(plain).await.stdout, answer(network).await.stdout);
    settings.bind(|| {
        insta::assert_snapshot!("proxy-auth", plain);
        insta::assert_snapshot!("proxy-network", network);
    });
}

// ── real proxies ────────────────────────────────────────────────────────────────────────────────

/// What a real proxy is expected to come to.
struct Expected {
    proxy: String,
    target: String,
    user: Option<(&'static str, &'static str)>,
    code: i32,
    cause: &'static str,
}

async fn meets(expected: &[Expected]) {
    for wanted in expected {
        let mut command = by(&wanted.proxy, &wanted.target);
        if let Some((user, password)) = wanted.user {
            command.env("RDPDOCTOR_PROXY_USER", user).env("RDPDOCTOR_PROXY_PASSWORD", password);
        }
        let run = answer(command).await;
        let document = run.json();
        assert_eq!(
            (run.code, cause(&document)),
            (wanted.code, wanted.cause),
            "{} to {}: {}",
            wanted.proxy,
            wanted.target,
            run.stdout
        );
    }
}

/// A port of loopback on which nothing listens.
fn closed_port() -> String {
    format!("127.0.0.1:{}", free_port())
}

fn config(folder: &Path, text: &str) -> std::path::PathBuf {
    let file = folder.join("proxy.conf");
    std::fs::write(&file, text).expect("a file");
    file
}

fn tinyproxy(name: &str, more: &str) -> (Server, String) {
    let (folder, port) = (folder(name), free_port());
    let text = format!("Port {port}\nListen 127.0.0.1\nTimeout 30\nMaxClients 50\n{more}\n");
    let file = config(&folder, &text);
    let server = serve(Command::new("tinyproxy").arg("-d").arg("-c").arg(file), &folder, port);
    (server, format!("http://127.0.0.1:{port}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn tinyproxy_http() {
    if !installed(&["tinyproxy"], "tinyproxy_http") {
        return;
    }
    let (running, _) = lab("healthy-nla", "tinyproxy-lab").await;
    let target = running.address().to_string();
    let to = |proxy: &str, user, code, cause| Expected {
        proxy: proxy.to_owned(),
        target: target.clone(),
        user,
        code,
        cause,
    };
    let (_open, open) = tinyproxy("tinyproxy-open", "");
    let (_signed, signed) = tinyproxy("tinyproxy-signed", "BasicAuth jo right");
    let (_narrow, narrow) = tinyproxy("tinyproxy-narrow", "ConnectPort 443");
    meets(&[
        to(&open, None, 0, "healthy"),
        to(&signed, None, 2, "net.proxy-auth"),
        to(&signed, Some(("jo", "wrong")), 2, "net.proxy-auth"),
        to(&signed, Some(("jo", "right")), 0, "healthy"),
        to(&narrow, None, 2, "net.proxy-refused"),
        // It takes SOCKS for a broken request.
        to(&open.replace("http:", "socks5:"), None, 2, "net.proxy-refused"),
        // It does not say which way it failed.
        Expected { target: closed_port(), ..to(&open, None, 2, "net.proxy-refused") },
    ])
    .await;
}

fn microsocks(name: &str, more: &[&str]) -> (Server, String) {
    let (folder, port) = (folder(name), free_port());
    let mut command = Command::new("microsocks");
    command.args(["-i", "127.0.0.1", "-p", &port.to_string()]).args(more);
    (serve(&mut command, &folder, port), format!("127.0.0.1:{port}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn microsocks_socks5() {
    if !installed(&["microsocks"], "microsocks_socks5") {
        return;
    }
    let (running, _) = lab("healthy-nla", "microsocks-lab").await;
    let port = running.address().port();
    let to = |proxy: String, host: &str, user, code, cause| Expected {
        proxy,
        target: format!("{host}:{port}"),
        user,
        code,
        cause,
    };
    let (_open, open) = microsocks("microsocks-open", &[]);
    let (_signed, signed) = microsocks("microsocks-signed", &["-u", "jo", "-P", "right"]);
    let here = |proxy: &str| format!("socks5://{proxy}");
    let there = |proxy: &str| format!("socks5h://{proxy}");
    meets(&[
        to(here(&open), "127.0.0.1", None, 0, "healthy"),
        to(here(&open), "localhost", None, 0, "healthy"),
        to(there(&open), "localhost", None, 0, "healthy"),
        to(there(&signed), "127.0.0.1", None, 2, "net.proxy-auth"),
        to(there(&signed), "127.0.0.1", Some(("jo", "wrong")), 2, "net.proxy-auth"),
        to(there(&signed), "127.0.0.1", Some(("jo", "right")), 0, "healthy"),
        Expected { target: closed_port(), ..to(here(&open), "", None, 2, "net.refused") },
        // SOCKS hangs up on what is no SOCKS.
        to(format!("http://{open}"), "127.0.0.1", None, 2, "net.proxy-refused"),
    ])
    .await;
}

fn dante(name: &str, rule: &str) -> (Server, String) {
    let (folder, port) = (folder(name), free_port());
    let text = format!(
        "logoutput: stderr\ninternal: 127.0.0.1 port = {port}\nexternal: lo\nsocksmethod: none\n\
         clientmethod: none\nuser.privileged: root\nuser.unprivileged: nobody\n\
         client pass {{ from: 0/0 to: 0/0 }}\n{rule} {{ from: 0/0 to: 0/0 }}\n"
    );
    let file = config(&folder, &text);
    let mut command = Command::new("danted");
    command.arg("-f").arg(file).arg("-p").arg(folder.join("pid"));
    (serve(&mut command, &folder, port), format!("socks5://127.0.0.1:{port}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn dante_socks5() {
    if !installed(&["danted"], "dante_socks5") {
        return;
    }
    let (running, _) = lab("healthy-nla", "dante-lab").await;
    let target = running.address().to_string();
    let to = |proxy: &str, code, cause| Expected {
        proxy: proxy.to_owned(),
        target: target.clone(),
        user: None,
        code,
        cause,
    };
    let (_open, open) = dante("dante-open", "socks pass");
    let (_shut, shut) = dante("dante-shut", "socks block");
    meets(&[
        to(&open, 0, "healthy"),
        to(&shut, 2, "net.proxy-refused"),
        Expected { target: closed_port(), ..to(&open, 2, "net.refused") },
    ])
    .await;
}

/// Squid, and the name of its memory, which it leaves behind when it is killed.
pub struct Squid(Option<Server>, String);

impl Drop for Squid {
    fn drop(&mut self) {
        drop(self.0.take());
        for file in std::fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
            if file.file_name().to_string_lossy().starts_with(&self.1) {
                let _ = std::fs::remove_file(file.path());
            }
        }
    }
}

pub fn squid(name: &str, access: &str) -> (Squid, String) {
    let (folder, port) = (folder(name), free_port());
    // It gives its rights away and could write nothing here.
    let text = format!(
        "http_port 127.0.0.1:{port}\npid_filename none\naccess_log none\ncache_log /dev/null\n\
         cache_store_log none\ncache deny all\ncoredump_dir none\nnetdb_filename none\n\
         shutdown_lifetime 0 seconds\nvisible_hostname proxy.test\n{access}\n"
    );
    let file = config(&folder, &text);
    let service = format!("rdpdoctor{port}x");
    let mut command = Command::new("squid");
    command.args(["-N", "-n", &service, "-f"]).arg(file);
    let server = serve(&mut command, &folder, port);
    (Squid(Some(server), service), format!("http://127.0.0.1:{port}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn squid_http() {
    if !installed(&["squid"], "squid_http") {
        return;
    }
    let (running, _) = lab("healthy-nla", "squid-lab").await;
    let target = running.address().to_string();
    let to = |proxy: &str, code, cause| Expected {
        proxy: proxy.to_owned(),
        target: target.clone(),
        user: None,
        code,
        cause,
    };
    let (_open, open) = squid("squid-open", "http_access allow all");
    let (_shut, shut) = squid("squid-shut", "http_access deny all");
    meets(&[
        to(&open, 0, "healthy"),
        to(&shut, 2, "net.proxy-refused"),
        // 503, and X-Squid-Error with the system's word.
        Expected { target: closed_port(), ..to(&open, 2, "net.refused") },
        Expected { target: "pc42.lab.invalid".to_owned(), ..to(&open, 2, "net.proxy-refused") },
    ])
    .await;
}

/// A gateway behind a proxy: the proxy is asked for the gateway alone, for every connection to it, and
/// nobody else is.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_through_a_proxy() {
    if !installed(&["tinyproxy", "microsocks"], "a_gateway_through_a_proxy") {
        return;
    }
    let (_http, http) = tinyproxy("tinyproxy-gateway", "");
    let (_socks, socks) = microsocks("microsocks-gateway", &[]);
    let ways = [http.clone(), format!("socks5h://{socks}"), format!("socks5://{socks}")];
    for (number, proxy) in ways.iter().enumerate() {
        // One channel, and two, which is a second connection.
        for name in ["healthy-gateway", "healthy-gateway-http"] {
            let (running, ca_file) = lab(name, &format!("gateway-by-proxy-{number}-{name}")).await;
            let place = running.address().to_string();
            let mut command = by(proxy, "labpc01.lab.example");
            command.args(["--gateway", &place, "-u", USER, "--trust", "any"]);
            command.env("SSL_CERT_FILE", &ca_file).env("RDPDOCTOR_PASSWORD", PASSWORD);
            command.env("XDG_STATE_HOME", ca_file.parent().expect("a folder"));
            let run = answer(command).await;
            let document = run.json();
            assert_eq!((run.code, cause(&document)), (0, "healthy"), "{proxy}: {}", run.stdout);
            let said = stage(&document, "proxy");
            assert!(said.0 == "ok" && said.1.contains("made the connection"), "{said:?}");
            assert_eq!(stage(&document, "tcp").1, format!("the proxy is connected to {place}"));
            assert_eq!(stage(&document, "gateway").0, "ok");
            let via = document["target"]["via"].as_str().expect("the way");
            assert_eq!(via, format!("{place} by {proxy}"));
            for opened in seen(&document, "tunnel-opened") {
                assert_eq!(
                    (&opened["destination"], &opened["stage"]),
                    (&place.clone().into(), &"gateway".into())
                );
            }
            let at_proxy = proxy.rsplit('/').next().expect("its place");
            for connection in seen(&document, "connection") {
                assert_eq!(connection["remote"], at_proxy, "{connection}");
            }
        }
    }
    // The gateway is down, says the proxy; the proxy is down itself.
    let down = closed_port();
    let gone = format!("socks5://{}", closed_port());
    for (proxy, wanted) in
        [(format!("socks5://{socks}"), "gateway.unreachable"), (gone, "net.proxy-refused")]
    {
        let mut command = by(&proxy, "labpc01.lab.example");
        command.args(["--gateway", &down]);
        let run = answer(command).await;
        assert_eq!((run.code, cause(&run.json())), (2, wanted), "{}", run.stdout);
        let text = run.json()["findings"].to_string();
        assert!(!text.contains("net.refused"), "that would be the host: {text}");
    }
}

/// Squid's helper for NTLM, as samba's `ntlm_auth` is one: it has a challenge of its own and checks the
/// answer (MS-NLMP 3.3.2). Squid's own `ntlm_fake_auth` gives a challenge without TargetInfo, which no
/// NTLMv2 can answer.
const NTLM_HELPER: &str = r#"
import base64, hmac, struct, sys
HASH = bytes.fromhex("32dd88ba05015976331dd499de64e9d9")  # of Secret-1
NONCE = b"\x01\x23\x45\x67\x89\xab\xcd\xef"
name = "CORP".encode("utf-16-le")
info = struct.pack("<HH", 2, len(name)) + name + struct.pack("<HH", 0, 0)
at = 56
challenge = (b"NTLMSSP\0" + struct.pack("<IHHII", 2, len(name), len(name), at, 0x628A0205)
    + NONCE + bytes(8) + struct.pack("<HHI", len(info), len(info), at + len(name))
    + bytes([10, 0, 0x7C, 0x4F, 0, 0, 0, 15]) + name + info)
def field(message, place):
    length, _, start = struct.unpack_from("<HHI", message, place)
    return message[start:start + length]
def proves(message):
    response, domain, user = (field(message, place) for place in (20, 28, 36))
    whom = user.decode("utf-16-le").upper().encode("utf-16-le") + domain
    key = hmac.new(HASH, whom, "md5").digest()
    return hmac.new(key, NONCE + response[16:], "md5").digest() == response[:16]
for line in sys.stdin:
    word, _, token = line.strip().partition(" ")
    message = base64.b64decode(token.split(" ")[0])
    if word == "YR":
        answer = "TT " + base64.b64encode(challenge).decode()
    else:
        answer = "AF jo" if proves(message) else "NA wrong"
    print(answer, flush=True)
"#;

/// A file that squid can read, which has given its rights away.
fn for_everybody(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("written");
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(file.path(), everybody).expect("set");
    file
}

/// NTLM where the proxy offers it, so that the password itself does not leave; Basic where it takes
/// nothing else; right and wrong.
#[tokio::test(flavor = "multi_thread")]
async fn squid_with_a_sign_in() {
    if !installed(&["squid", "openssl", "python3"], "squid_with_a_sign_in") {
        return;
    }
    let (running, _) = lab("healthy-nla", "squid-sign-in-lab").await;
    let target = running.address().to_string();
    let to = |proxy: &str, user, code, cause| Expected {
        proxy: proxy.to_owned(),
        target: target.clone(),
        user,
        code,
        cause,
    };
    let known = "acl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all";
    let helper = for_everybody(NTLM_HELPER);
    let by_ntlm = format!("auth_param ntlm program /usr/bin/python3 {}", helper.path().display());
    let made = Command::new("openssl").args(["passwd", "-apr1", "right"]).output().expect("runs");
    let hash = String::from_utf8(made.stdout).expect("text");
    let passwords = for_everybody(&format!("jo:{hash}"));
    let by_basic = format!(
        "auth_param basic program /usr/lib/squid/basic_ncsa_auth {}",
        passwords.path().display()
    );
    let (_ntlm, ntlm) = squid("squid-ntlm", &format!("{by_ntlm}\n{known}"));
    let (_both, both) = squid("squid-both", &format!("{by_ntlm}\n{by_basic}\n{known}"));
    let (_basic, basic) = squid("squid-basic", &format!("{by_basic}\n{known}"));
    meets(&[
        to(&ntlm, None, 2, "net.proxy-auth"),
        to(&ntlm, Some(("CORP\\jo", "Secret-1")), 0, "healthy"),
        to(&ntlm, Some(("jo@corp.example", "Secret-1")), 0, "healthy"),
        to(&ntlm, Some(("CORP\\jo", "Secret-2")), 2, "net.proxy-auth"),
        // The password of NTLM, not the one of Basic: the better one was taken.
        to(&both, Some(("jo", "Secret-1")), 0, "healthy"),
        to(&both, Some(("jo", "right")), 2, "net.proxy-auth"),
        to(&basic, None, 2, "net.proxy-auth"),
        to(&basic, Some(("jo", "right")), 0, "healthy"),
        to(&basic, Some(("jo", "wrong")), 2, "net.proxy-auth"),
    ])
    .await;
}
