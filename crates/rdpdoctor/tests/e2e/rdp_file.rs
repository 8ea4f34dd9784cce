//! `.rdp` files: read, checked against the lab, mended, masked.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rdpdoctor_lab::{Options, PASSWORD, Running, USER, fault, start};
use serde_json::Value;

use crate::recorder::Recorder;
use crate::support::{Run, cause, command, findings, folder, run};

/// A file as `mstsc` writes it.
fn as_mstsc(text: &str) -> Vec<u8> {
    "\u{FEFF}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

fn written(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("the file is written");
    path
}

fn read(path: &Path, more: &[&str]) -> Run {
    run(command().arg("read").arg(path).args(more))
}

/// Name, exit code, status and findings of each file, for a snapshot.
fn table(name: &str, files: &[(&str, Vec<u8>)]) -> String {
    let folder = folder(name);
    let mut table = String::new();
    for (name, bytes) in files {
        let run = read(&written(&folder, "file.rdp", bytes), &["--json"]);
        let document = run.json();
        let status = document["verdict"]["status"].as_str().expect("a status");
        table.push_str(&format!("{name}: {status} {}\n", run.code));
        for finding in findings(&document) {
            table.push_str(&format!("    {finding}\n"));
        }
    }
    table
}

const ADDRESS: &str = "full address:s:pc42.corp.example\r\n";

fn with_address(lines: &str) -> Vec<u8> {
    as_mstsc(&format!("{ADDRESS}{lines}\r\n"))
}

#[test]
fn every_flaw_of_a_file_and_its_exit_code() {
    let utf16: Vec<u8> = ADDRESS.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> =
        format!("\u{FEFF}{ADDRESS}").encode_utf16().flat_map(u16::to_be_bytes).collect();
    let files = [
        ("fine", with_address("authentication level:i:2")),
        ("fine in ASCII", ADDRESS.into()),
        ("fine in UTF-8 with a mark", format!("\u{FEFF}{ADDRESS}username:s:Jürgen").into()),
        ("empty", Vec::new()),
        ("a page instead of a file", "<html>\n<body>Sign in</body>\n</html>\n".into()),
        ("no address", as_mstsc("screen mode id:i:2\r\n")),
        ("an empty address", as_mstsc("full address:s:\r\nscreen mode id:i:2\r\n")),
        ("an address with a space", as_mstsc("full address:s:pc 42\r\n")),
        ("a port out of range in the address", as_mstsc("full address:s:pc42:70000\r\n")),
        ("an address without a type", as_mstsc("full address:pc42\r\n")),
        ("an address of the wrong type", as_mstsc("full address:i:pc42\r\n")),
        ("a port out of range", with_address("server port:i:70000")),
        ("two ports", as_mstsc("full address:s:pc42:3390\r\nserver port:i:3391\r\n")),
        ("a wrong type", with_address("use multimon:s:1")),
        ("a type that does not exist", with_address("use multimon:x:1")),
        ("a word for a number", with_address("use multimon:i:yes")),
        ("a number out of range", with_address("gatewayusagemethod:i:9")),
        ("a duplicate", with_address("use multimon:i:1\r\nuse multimon:i:0")),
        ("a remark", with_address("; a remark")),
        ("a gateway without a name", with_address("gatewayusagemethod:i:1")),
        ("a RemoteApp without a program", with_address("remoteapplicationmode:i:1")),
        ("UTF-16 without a mark", utf16),
        ("UTF-16 with the high byte first", big),
        ("Latin-1", [ADDRESS.as_bytes(), b"username:s:J\xFCrgen\r\n"].concat()),
    ];
    insta::assert_snapshot!(table("rdp-flaws", &files));
}

#[test]
fn files_that_weaken_the_connection() {
    let files = [
        ("whoever answers", with_address("authentication level:i:0")),
        ("asks", with_address("authentication level:i:2")),
        ("no NLA", with_address("enablecredsspsupport:i:0")),
        ("drives, unsigned", with_address("drivestoredirect:s:*")),
        ("no drives, unsigned", with_address("drivestoredirect:s:\r\nredirectdrives:i:0")),
        ("drives, a broken signature", with_address("drivestoredirect:s:*\r\nsignature:s:AQAB")),
        ("a password for everybody", with_address("password:s:hunter2")),
        ("a password for its user", with_address("password 51:b:01000000")),
        ("another computer", with_address("alternate full address:s:evil.example")),
    ];
    insta::assert_snapshot!(table("rdp-weak", &files));
}

#[test]
fn settings_that_are_worth_knowing() {
    let files = [
        ("no reconnection", with_address("autoreconnection enabled:i:0")),
        ("identity or nothing", with_address("authentication level:i:1")),
        ("NLA or nothing", with_address("negotiate security layer:i:0")),
        ("reconnection", with_address("autoreconnection enabled:i:1")),
    ];
    insta::assert_snapshot!(table("rdp-fragile", &files));
}

// ── check ───────────────────────────────────────────────────────────────────────────────────────

async fn lab(name: &str) -> Running {
    let listen = "127.0.0.1:0".parse().expect("an address");
    start(fault(name).expect("a fault"), listen, Options::default()).await.expect("it starts")
}

/// Checks a file whose lines may hold `PORT`.
async fn checked(name: &str, text: &str, port: u16, more: &[&str]) -> Value {
    let text = text.replace("PORT", &port.to_string());
    let path = written(&folder(name), "way.rdp", as_mstsc(&text));
    let mut command = command();
    command.arg("check").arg(path).args(["--json", "--no-side"]).args(more);
    tokio::task::spawn_blocking(move || run(&mut command)).await.expect("it ran").json()
}

fn seen<'a>(document: &'a Value, kind: &str) -> Vec<&'a Value> {
    let observations = document["observations"].as_array().expect("observations");
    observations.iter().filter(|o| o["kind"] == kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_follows_the_file() {
    let running = lab("healthy-nla").await;
    let port = running.address().port();
    let check = async |name: &str, text: &str, more: &[&str]| checked(name, text, port, more).await;

    let plain = check("rdp-plain", "full address:s:127.0.0.1:PORT\r\n", &[]).await;
    assert_eq!((cause(&plain), &plain["verdict"]["status"]), ("healthy", &Value::from("ok")));
    assert_eq!(plain["stages"][0]["stage"], "rdpfile");
    assert_eq!(
        (&plain["target"]["host"], &plain["target"]["port"]),
        (&Value::from("127.0.0.1"), &Value::from(port))
    );
    assert!(plain["target"]["input"].as_str().expect("an input").ends_with("way.rdp"));
    let own = seen(&plain, "rdp-file");
    assert_eq!(
        (&own[0]["source"], &own[0]["stage"]),
        (&Value::from("rdp-file"), &Value::from("rdpfile"))
    );
    assert!(own[0]["origin"]["file"].as_str().expect("a file").ends_with("way.rdp"));

    let other = "full address:s:nobody.invalid\r\nalternate full address:s:127.0.0.1\r\nserver port:i:PORT\r\n";
    assert_eq!(cause(&check("rdp-alternate", other, &[]).await), "healthy");

    let weak = "full address:s:127.0.0.1:PORT\r\nenablecredsspsupport:i:0\r\n";
    let refused = check("rdp-no-nla", weak, &[]).await;
    assert_eq!(seen(&refused, "connection-request")[0]["requested_protocols"], 1);
    assert_eq!(refused["verdict"]["status"], "failed");
    assert_eq!(cause(&refused), "nego.nla-required");
    assert!(findings(&refused).iter().any(|f| f.contains("rdp-file-weakens-security warning")));
    let won = check("rdp-security-wins", weak, &["--security", "nla"]).await;
    assert_eq!(cause(&won), "client.rdp-file-weakens-security", "the option goes before the file");

    let info = "tsv://MS Terminal Services Plugin.1.Desktops";
    let routed = format!("full address:s:127.0.0.1:PORT\r\nloadbalanceinfo:s:{info}\r\n");
    let routed = check("rdp-routed", &routed, &[]).await;
    assert_eq!(cause(&routed), "healthy");
    assert_eq!(seen(&routed, "connection-request")[0]["routing_token"], info);
    running.shutdown();
}

/// Whoever negotiates is hung up on: a TLS service like any other, and the separating test tells more.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_may_let_nothing_be_negotiated() {
    let open = ["net.wrong-service blocking likely", "nego.direct-only blocking possible"];
    for (name, directly) in
        [("direct-only", "healthy"), ("wrong-service-https", "not Remote Desktop")]
    {
        let running = lab(name).await;
        let target = running.address().to_string();
        let asked = command_run(&["check", &target, "--json"]).await.json();
        assert_eq!(findings(&asked), open, "{name}");
        let next = asked["next_tests"][0]["command"].as_str().expect("a test");
        assert!(next.contains("'negotiate security layer:i:0'"), "{next}");
        // What it says to do.
        let text = "full address:s:127.0.0.1:PORT\r\nnegotiate security layer:i:0\r\n";
        let port = running.address().port();
        let document = checked(&format!("rdp-without-negotiation-{name}"), text, port, &[]).await;
        let found = cause(&document);
        let is_rdp = found == "healthy" && !seen(&document, "ntlm-challenge").is_empty();
        assert_eq!(is_rdp, directly == "healthy", "{name}: {:?}", findings(&document));
    }
}

/// TLS at once, and the host hangs up: seen alone in a capture nobody asked it whether it takes TLS behind a
/// negotiation, so nothing is proven, and the check that asks tells it apart.
#[tokio::test(flavor = "multi_thread")]
async fn a_direct_start_that_was_hung_up_on_alone() {
    let Some(recorder) = Recorder::start() else { return };
    let begun = SystemTime::now();
    let running = lab("healthy-nla").await;
    let port = running.address().port();
    let place = folder("rdp-direct-alone");
    let text = format!("full address:s:127.0.0.1:{port}\r\nnegotiate security layer:i:0\r\n");
    let path = written(&place, "way.rdp", as_mstsc(&text));
    let live = command_run(&["check", path.to_str().expect("a path"), "--no-side", "--json"]).await;
    let recording = recorder.stop();
    let capture = place.join("direct.pcap");
    let bytes = recording.pcap_as(port, 3389, [begun, SystemTime::now()]);
    std::fs::write(&capture, bytes).expect("written");
    let read = command_run(&["read", capture.to_str().expect("a path"), "--json"]).await;
    for run in [&live, &read] {
        let document = run.json();
        let found = findings(&document);
        let blocking: Vec<_> = found.iter().filter(|f| f.contains(" blocking ")).collect();
        assert!(blocking.iter().all(|f| f.ends_with(" possible")), "{found:?}");
        let fragile = "client.rdp-file-fragile-settings blocking possible";
        assert!(blocking.contains(&&fragile.to_owned()), "{found:?}");
        assert_eq!(document["verdict"]["stage"], "tls");
        let tests = document["next_tests"].as_array().expect("tests");
        let wanted =
            format!("rdpdoctor check {}:", document["target"]["host"].as_str().expect("a host"));
        let asks = tests.iter().any(|test| {
            test["command"].as_str().is_some_and(|command| command.starts_with(&wanted))
        });
        assert!(asks, "{tests:?}");
    }
    // The test that separates: asked first, the host takes TLS.
    let asked = command_run(&["check", &running.address().to_string(), "--json"]).await;
    assert_eq!((asked.code, cause(&asked.json())), (0, "healthy"));
}

async fn command_run(arguments: &[&str]) -> Run {
    let mut command = command();
    command.args(arguments);
    tokio::task::spawn_blocking(move || run(&mut command)).await.expect("it ran")
}

/// `negotiate security layer:i:0`: TLS and the sign-in come first, the negotiation inside them
/// (MS-RDPBCGR 5.4.2.2).
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_lets_nothing_be_negotiated() {
    let text = "full address:s:127.0.0.1:PORT\r\nnegotiate security layer:i:0\r\n";
    let stage = |document: &Value, name: &str| {
        let stages = document["stages"].as_array().expect("stages").clone();
        let found = stages.into_iter().find(|stage| stage["stage"] == name).expect("the stage");
        (found["status"].to_string(), found["detail"].to_string())
    };
    let running = lab("direct-only").await;
    let port = running.address().port();
    let document = checked("rdp-direct", text, port, &[]).await;
    assert_eq!(cause(&document), "healthy", "{:?}", findings(&document));
    assert_eq!(seen(&document, "direct-approach").len(), 1);
    assert_eq!(seen(&document, "ntlm-challenge").len(), 1);
    assert!(stage(&document, "x224").1.contains("behind the sign-in"), "{document}");
    let first = running.record()[0].on_wire.first().copied();
    assert_eq!(first, Some(22), "a TLS record");

    // The password opens the way to the negotiation, and that to the session's setup.
    let state = folder("rdp-direct-state");
    let path = written(&state, "way.rdp", as_mstsc(&text.replace("PORT", &port.to_string())));
    let mut signed = command();
    signed.arg("check").arg(path).args(["--json", "--no-side", "--trust", "any", "-u", USER]);
    signed.env("XDG_STATE_HOME", &state).env("RDPDOCTOR_PASSWORD", PASSWORD);
    let document =
        tokio::task::spawn_blocking(move || run(&mut signed)).await.expect("it ran").json();
    assert_eq!(document["verdict"]["status"], "ok", "{:?}", findings(&document));
    for passed in ["tls", "credssp", "x224", "mcs"] {
        assert_eq!(stage(&document, passed).0, "\"ok\"", "{passed}: {document}");
    }
    let confirm = &seen(&document, "connection-confirm")[0]["negotiation"];
    assert_eq!(confirm["selected_protocol"], 2);
    assert_eq!(seen(&document, "connection-request")[0]["requested_protocols"], 2);

    // What `--security` says goes before the file: this server hangs up on who asks first.
    let asked = checked("rdp-direct-asked", text, port, &["--security", "nla"]).await;
    assert_eq!(asked["verdict"]["status"], "failed");
    assert!(seen(&asked, "direct-approach").is_empty());
    let hung_up = &seen(&asked, "stream-ended")[0];
    assert_eq!(hung_up["awaited"], "connection-confirm");

    // The usual server hangs up on who does not ask.
    let usual = lab("healthy-nla").await;
    let port = usual.address().port();
    let text = text.replace("PORT", &port.to_string());
    let path = written(&folder("rdp-direct-usual"), "way.rdp", as_mstsc(&text));
    let run = tokio::task::spawn_blocking(move || {
        run(command().arg("check").arg(path).args(["--json", "--details"]))
    });
    let document = run.await.expect("it ran").json();
    let expected = ("client.rdp-file-fragile-settings", "proven");
    let verdict = &document["verdict"];
    assert_eq!((cause(&document), verdict["proof"].as_str().unwrap_or("")), expected);
    assert_eq!((&verdict["status"], &verdict["stage"]), (&"failed".into(), &"rdpfile".into()));
    let others: Vec<_> =
        findings(&document).into_iter().filter(|f| f.contains("blocking")).collect();
    assert_eq!(others, ["client.rdp-file-fragile-settings blocking proven"]);
}

/// A file that names nobody ends the check where it began.
#[tokio::test(flavor = "multi_thread")]
async fn a_check_of_a_broken_file() {
    let document = checked("rdp-nobody", "screen mode id:i:2\r\n", 0, &[]).await;
    assert_eq!(document["verdict"]["status"], "failed");
    assert_eq!(cause(&document), "client.rdp-file-invalid");
    assert_eq!(document["verdict"]["stage"], "rdpfile");
    let stages = document["stages"].as_array().expect("stages");
    assert_eq!(
        (&stages[0]["stage"], &stages[0]["status"]),
        (&Value::from("rdpfile"), &Value::from("failed"))
    );
    assert!(stages.len() > 1 && stages[1..].iter().all(|stage| stage["status"] == "skipped"));
    let saved = written(&folder("rdp-nobody-saved"), "saved.json", document.to_string());
    let again = read(&saved, &["--json"]).json();
    assert_eq!((&again["stages"], &again["verdict"]), (&document["stages"], &document["verdict"]));
}

/// Through the gateway always, never, or only where the straight way is dead, as `mstsc` does.
#[tokio::test(flavor = "multi_thread")]
async fn the_way_through_the_files_gateway() {
    let (host, gateway) = (lab("healthy-nla").await, lab("healthy-gateway").await);
    let port = host.address().port();
    let dead = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
    let closed = dead.local_addr().expect("an address").port();
    drop(dead);
    let lines = |gateway: u16, usage: u32| {
        format!(
            "full address:s:127.0.0.1:PORT\r\ngatewayhostname:s:127.0.0.1:{gateway}\r\n\
             gatewayusagemethod:i:{usage}\r\n"
        )
    };
    let via = |document: &Value| document["target"]["via"].as_str().map(str::to_owned);

    let through = lines(gateway.address().port(), 1);
    let document = checked("rdp-gateway", &through, port, &[]).await;
    assert_eq!(seen(&document, "rdp-file-gateway")[0]["usage"], "always");
    let place = gateway.address().to_string();
    assert_eq!(via(&document), Some(place.clone()));
    assert!(seen(&document, "gateway-answer").iter().any(|answer| answer["status"] == 401));

    let document = checked("rdp-gateway-dead", &lines(closed, 1), port, &[]).await;
    assert_eq!(document["verdict"]["cause"], "gateway.unreachable");

    let document = checked("rdp-gateway-detect", &lines(closed, 2), port, &[]).await;
    assert_eq!((&document["verdict"]["status"], via(&document)), (&Value::from("ok"), None));
    let needed = lines(gateway.address().port(), 2);
    let document = checked("rdp-gateway-needed", &needed, closed, &[]).await;
    assert_eq!(via(&document), Some(place));

    let document = checked("rdp-no-gateway", &lines(closed, 0), port, &[]).await;
    assert_eq!(document["verdict"]["status"], "ok");
    host.shutdown();
    gateway.shutdown();
}

// ── mended copies, masks, outputs ───────────────────────────────────────────────────────────────

#[test]
fn a_mended_copy_is_written_once_and_never_over_anything() {
    let folder = folder("rdp-mended");
    let broken = format!("{ADDRESS}authentication level:i:0\nuse multimon:s:1\n");
    let source = written(&folder, "broken.rdp", &broken);
    let copy = folder.join("mended.rdp");
    let fixed = ["--fixed", copy.to_str().expect("UTF-8")];
    let first = read(&source, &fixed);
    assert_eq!(first.code, 1, "{first:?}");
    for line in ["-authentication level:i:0", "+authentication level:i:2", "+use multimon:i:1"] {
        assert!(first.stdout.lines().any(|l| l == line), "{line}: {}", first.stdout);
    }
    let bytes = std::fs::read(&copy).expect("the copy");
    let mended = format!("{ADDRESS}authentication level:i:2\r\nuse multimon:i:1\r\n");
    assert_eq!(bytes, as_mstsc(&mended));
    assert_eq!(std::fs::read(&source).expect("the source"), broken.as_bytes());
    assert_eq!(read(&copy, &[]).code, 0, "the copy is fine");

    let again = read(&source, &fixed);
    assert_eq!((again.code, again.stdout.as_str()), (3, ""));
    assert!(again.stderr.contains("nothing is written over"), "{}", again.stderr);
    let itself = read(&source, &["--fixed", source.to_str().expect("UTF-8")]);
    assert_eq!(itself.code, 3);
    assert_eq!(std::fs::read(&source).expect("the source"), broken.as_bytes());
    assert_eq!(std::fs::read(&copy).expect("the copy"), bytes);

    let other = folder.join("other.rdp");
    let json = read(&source, &["--json", "--fixed", other.to_str().expect("UTF-8")]);
    assert_eq!(json.json()["verdict"]["status"], "degraded", "one document and nothing else");
    assert!(json.stderr.contains("+authentication level:i:2"), "{}", json.stderr);
    assert_eq!(std::fs::read(&other).expect("the copy"), bytes);
}

/// Secrets are in no output; with `--mask` neither are names.
#[test]
fn what_an_answer_does_not_say() {
    let folder = folder("rdp-mask");
    let text = "full address:s:pc42.secret-corp.example:70000\r\n\
                alternate full address:s:vault.secret-corp.example\r\n\
                gatewayhostname:s:gw.secret-corp.example:443\r\ngatewayusagemethod:i:1\r\n\
                username:s:wile.coyote@acme-target@bastion-seven\r\ndomain:s:SECRET-CORP\r\n\
                kdcproxyname:s:kdc.secret-corp.example\r\npassword:s:hunter2\r\n\
                loadbalanceinfo:s:tsv://Collection.Roadrunner\r\npassword 51:b:DEADBEEF\r\n\
                alternate shell:i:pc42\r\nauthentication level:i:0\r\n";
    let source = written(&folder, "pc42-of-wile.rdp", as_mstsc(text));
    for (number, form) in
        [&["--json"][..], &["--details"], &["--text", "ticket"], &["--text", "network"]]
            .into_iter()
            .enumerate()
    {
        let page = folder.join(format!("{number}.html"));
        let copy = folder.join(format!("{number}.rdp"));
        let paths = [page.to_str().expect("UTF-8"), copy.to_str().expect("UTF-8")];
        let more = [form, &["--mask", "--html", paths[0], "--fixed", paths[1]]].concat();
        let run = read(&source, &more);
        assert_eq!(run.code, 1, "{run:?}");
        let difference = format!("{}{}", run.stdout, run.stderr);
        assert!(difference.contains("+authentication level:i:2"), "{difference}");
        let html = std::fs::read_to_string(&page).expect("the page");
        // The test's own folder is no secret.
        let said = format!("{}{}{html}", run.stdout, run.stderr).to_lowercase();
        for secret in [
            "secret-corp",
            "vault",
            "pc42",
            "coyote",
            "acme",
            "bastion-seven",
            "roadrunner",
            "hunter2",
            "deadbeef",
        ] {
            assert!(!said.contains(secret), "{secret} with {form:?} in {said}");
        }
    }
    let open = read(&source, &["--json", "--details"]);
    assert!(!open.stdout.contains("hunter2") && !open.stdout.contains("DEADBEEF"));
    assert!(open.stdout.contains("vault.secret-corp.example"), "not masked, it names the computer");
}

#[test]
fn the_shared_options() {
    let folder = folder("rdp-options");
    let source = written(&folder, "way.rdp", with_address(""));
    let answer = folder.join("answer.json");
    let run = read(&source, &["--json", "-o", answer.to_str().expect("UTF-8"), "--quiet"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""));
    let document: Value =
        serde_json::from_slice(&std::fs::read(&answer).expect("the answer")).expect("JSON");
    assert_eq!(document["target"]["host"], "pc42.corp.example");
    let reported = read(&source, &["--json", "--reported", "0x904:0x7"]);
    assert_eq!(reported.code, 3, "nothing in the file explains the code");
    assert_eq!(reported.json()["verdict"]["reported"]["reproduced"], false);
    let ticket = read(&source, &["--text", "ticket"]);
    assert!(ticket.stdout.lines().count() <= 15, "{}", ticket.stdout);
}

#[test]
fn what_cannot_be_read_is_one_line_and_code_3() {
    let folder = folder("rdp-usage");
    let file = |name: &str, bytes: &[u8]| {
        written(&folder, name, bytes).to_str().expect("UTF-8").to_owned()
    };
    let fine = file("fine.rdp", ADDRESS.as_bytes());
    let missing = folder.join("missing.rdp").to_str().expect("UTF-8").to_owned();
    let binary = file("binary.rdp", b"\x7FELF\x02\x01\x01\0\0\0\0");
    let packed = file("packed.gz", b"\x1F\x8B\x08\0\0\0\0\0");
    let prose = file("prose.txt", b"It does not work. Please help.\n");
    let half = file("half.json", b"{\"schema_version\": 1, \"observations\": [");
    let later = file("later.json", b"{\"schema_version\": 9, \"observations\": []}");
    let own = folder.to_str().expect("UTF-8").to_owned();
    let copy = folder.join("copy.rdp").to_str().expect("UTF-8").to_owned();
    let cases: &[&[&str]] = &[
        &["read"],
        &["read", &missing],
        &["read", &own],
        &["read", &binary],
        &["read", &packed],
        &["read", &prose],
        &["read", &half],
        &["read", &later],
        &["read", &fine, &prose],
        &["read", &fine, &fine, "--fixed", &copy],
        &["check", &missing],
        &["check", &binary],
        &["check", "127.0.0.1:1", "--fixed", &copy],
    ];
    for arguments in cases {
        let run = run(command().args(*arguments));
        assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{arguments:?}: {run:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{arguments:?}: {}", run.stderr);
    }
    assert!(!Path::new(&copy).exists());
}

/// Signs with OpenSSL as `rdpsign` does; the reader checks with other code.
fn signed(lines: &str, scope: &str, flags: openssl::pkcs7::Pkcs7Flags) -> String {
    use openssl::pkcs7::{Pkcs7, Pkcs7Flags};
    let key = openssl::rsa::Rsa::generate(2048).expect("a key");
    let key = openssl::pkey::PKey::from_rsa(key).expect("a key");
    let mut name = openssl::x509::X509Name::builder().expect("a name");
    name.append_entry_by_text("CN", "Publisher of Files").expect("a name");
    let name = name.build();
    let mut certificate = openssl::x509::X509::builder().expect("a certificate");
    let day = |days| openssl::asn1::Asn1Time::days_from_now(days).expect("a day");
    let serial = openssl::bn::BigNum::from_u32(7).and_then(|n| n.to_asn1_integer());
    certificate.set_serial_number(&serial.expect("a number")).expect("it is set");
    certificate.set_subject_name(&name).expect("it is set");
    certificate.set_issuer_name(&name).expect("it is set");
    certificate.set_pubkey(&key).expect("it is set");
    certificate.set_not_before(&day(0)).expect("it is set");
    certificate.set_not_after(&day(9)).expect("it is set");
    certificate.sign(&key, openssl::hash::MessageDigest::sha256()).expect("it is signed");
    let certificate = certificate.build();
    let text: Vec<u8> = format!("{lines}signscope:s:{scope}\r\n\0")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let none = openssl::stack::Stack::new().expect("a stack");
    let flags = flags | Pkcs7Flags::DETACHED | Pkcs7Flags::BINARY;
    let der = Pkcs7::sign(&certificate, &key, &none, &text, flags).and_then(|p| p.to_der());
    let der = der.expect("it is signed");
    let length = u32::try_from(der.len()).expect("it is short").to_le_bytes();
    let blob = [&[1, 0, 1, 0, 1, 0, 0, 0][..], &length, &der].concat();
    let digits = openssl::base64::encode_block(&blob);
    // rdpsign breaks it with spaces.
    let parts: Vec<&str> =
        digits.as_bytes().chunks(64).map(|c| std::str::from_utf8(c).expect("ASCII")).collect();
    format!("{lines}signscope:s:{scope}\r\nsignature:s:{}  \r\n", parts.join("  "))
}

#[test]
fn a_signature_that_fits_and_one_of_another_text() {
    use openssl::pkcs7::Pkcs7Flags;
    let folder = folder("rdp-signed");
    let lines = "full address:s:pc42.corp.example\r\nredirectdrives:i:1\r\n";
    let scope = "Full Address,RedirectDrives";
    let answer = |text: &str| {
        let run = read(&written(&folder, "signed.rdp", as_mstsc(text)), &["--json"]);
        let document = run.json();
        let fact = seen(&document, "rdp-file-signature").swap_remove(0).clone();
        (run.code, fact)
    };
    for flags in [Pkcs7Flags::NOATTR, Pkcs7Flags::empty()] {
        let text = signed(lines, scope, flags);
        let (code, fact) = answer(&text);
        assert_eq!((code, &fact["fits"]["value"]), (0, &Value::from(true)), "{fact}");
        assert_eq!(fact["subject"], "CN=Publisher of Files");
        assert_eq!(fact["scope"], serde_json::json!(["full address", "redirectdrives"]));
        // A setting outside of the scope may change, one inside may not.
        let outside = format!("{text}use multimon:i:1\r\n");
        assert_eq!(answer(&outside).1["fits"]["value"], true);
        for changed in [
            text.replace("pc42.corp", "pc66.evil"),
            text.replace("redirectdrives:i:1\r\n", ""),
            text.replace("Address,Redirect", "Address, Redirect"),
        ] {
            let (code, fact) = answer(&changed);
            assert_eq!((code, &fact["fits"]["value"]), (1, &Value::from(false)), "{changed}");
        }
    }
    let (code, fact) = answer(&format!("{lines}signscope:s:{scope}\r\nsignature:s:AQAB\r\n"));
    assert_eq!((code, &fact["fits"]["value"]), (1, &Value::from(false)), "it is none");
    let strange = openssl::base64::encode_block(&[0x30; 40]);
    let (code, fact) = answer(&format!("{lines}signscope:s:{scope}\r\nsignature:s:{strange}\r\n"));
    assert_eq!((code, &fact["fits"]["lookup"]), (0, &Value::from("unavailable")));
}

// ── saved documents, real files ─────────────────────────────────────────────────────────────────

/// A saved document is evidence: it is judged again and comes to the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_saved_document_is_judged_again() {
    let running = lab("tls-key-unavailable-fin").await;
    let target = running.address().to_string();
    let checked = tokio::task::spawn_blocking(move || crate::support::check(&target, &[]))
        .await
        .expect("it ran");
    running.shutdown();
    let mut document = checked.json();
    let list = document["observations"].as_array_mut().expect("observations");
    list.push(serde_json::json!({
        "id": "o900", "source": "probe", "stage": "tls", "at": null, "at_ms": 0,
        "kind": "of-a-later-version", "number": 7
    }));
    // Whatever an older version said of it is not believed.
    document["verdict"]["cause"] = Value::from("net.refused");
    document["findings"] = Value::Array(Vec::new());
    let folder = folder("saved");
    let text = serde_json::to_string_pretty(&document).expect("JSON");
    for (name, bytes) in [
        ("plain.json", text.clone().into_bytes()),
        ("mark.json", format!("\u{FEFF}{text}").into_bytes()),
        ("powershell.txt", as_mstsc(&text.replace('\n', "\r\n"))),
    ] {
        let run = read(&written(&folder, name, bytes), &["--json"]);
        assert_eq!(run.code, checked.code, "{name}: {}", run.stderr);
        let again = run.json();
        assert_eq!(findings(&again), findings(&checked.json()), "{name}");
        assert_eq!(again["verdict"], checked.json()["verdict"], "{name}");
        assert_eq!(again["stages"], checked.json()["stages"], "{name}");
        assert_eq!(again["target"], checked.json()["target"], "{name}");
        assert_eq!(seen(&again, "of-a-later-version")[0]["number"], 7, "{name}");
    }
    let saved = folder.join("plain.json");
    let reported = read(&saved, &["--json", "--reported", "0x904:0x7"]).json();
    assert_eq!(reported["verdict"]["reported"]["reproduced"], true);
}

/// Several files: the worst one answers, all stand there.
#[test]
fn several_files_are_several_attempts() {
    let folder = folder("rdp-several");
    let fine = written(&folder, "fine.rdp", with_address(""));
    let broken = written(&folder, "broken.rdp", "screen mode id:i:2\r\n");
    let both = run(command().arg("read").args([&fine, &broken]).arg("--json"));
    let document = both.json();
    assert_eq!((both.code, cause(&document)), (2, "client.rdp-file-invalid"));
    let statuses: Vec<&str> = document["attempts"]
        .as_array()
        .expect("attempts")
        .iter()
        .filter_map(|attempt| attempt["verdict"]["status"].as_str())
        .collect();
    assert_eq!(statuses, ["ok", "failed"]);
    let last = run(command().arg("read").args([&broken, &fine]).args(["--json", "--last"]));
    assert_eq!((last.code, cause(&last.json())), (0, "healthy"));
    let saved = written(&folder, "saved.json", &both.stdout);
    let again = read(&saved, &["--json"]).json();
    assert_eq!(again["attempts"].as_array().map(Vec::len), Some(2));
    assert_eq!(cause(&again), "client.rdp-file-invalid");
}

/// Real files of several programs; their ground truth stands in the index beside them.
#[test]
fn real_files() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/rdp");
    let expected = [
        ("cord-default.rdp", "client.rdp-file-invalid", 2),
        ("forkme-default.rdp", "client.rdp-file-weakens-security", 1),
        ("freerdp-test1.rdp", "client.rdp-file-weakens-security", 1),
        ("freerdp-test3.rdp", "client.rdp-file-weakens-security", 1),
        ("kql-test.rdp", "healthy", 0),
        ("rdpgw-test.rdp", "client.rdp-file-invalid", 2),
    ];
    for (name, expected, code) in expected {
        let path = data.join(name);
        if !path.exists() {
            eprintln!("skipped: {} is not here", path.display());
            continue;
        }
        let run = read(&path, &["--json"]);
        let document = run.json();
        assert_eq!((cause(&document), run.code), (expected, code), "{name}");
        let invalid = findings(&document).iter().any(|f| f.contains("rdp-file-invalid warning"));
        assert!(!invalid, "{name}: {:?}", findings(&document));
    }
}
