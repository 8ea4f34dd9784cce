//! By way of an RD Gateway of the lab: every number of the table at every step, what leaves and what
//! does not, both transports, and all stages of the host inside the tunnel.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rdpdoctor_diagnosis::CATALOGUE;
use rdpdoctor_diagnosis::codes::{Table, entries};
use rdpdoctor_lab::{
    Depth, FAULTS, Fault, GatewayStep, Options, PASSWORD, Running, USER, fault, start,
};
use rdpdoctor_model::CauseId;
use serde_json::Value;

use crate::programs::{installed, xvfb};
use crate::support::{Run, TURNS, cause, command, folder, run};

/// The host behind every gateway of the lab.
const HOST: &str = "labpc01.lab.example";

/// A gateway with its authority's certificate and a memory of its own.
struct Lab {
    running: Running,
    folder: PathBuf,
}

impl Lab {
    async fn start(name: &str, test: &str, gateway_code: Option<(GatewayStep, u32)>) -> Self {
        let folder = folder(&format!("gateway-{test}"));
        let ca_file = Some(folder.join("ca.pem"));
        let options = Options { ca_file, gateway_code, ..Options::default() };
        let listen: SocketAddr = "127.0.0.1:0".parse().expect("an address");
        let fault = fault(name).expect("a fault");
        Self { running: start(fault, listen, options).await.expect("it starts"), folder }
    }

    /// A healthy gateway with this host behind it.
    async fn behind(behind: &'static Fault) -> Self {
        let folder = folder(&format!("gateway-behind-{}", behind.name));
        let ca_file = Some(folder.join("ca.pem"));
        let options = Options { ca_file, behind: Some(behind), ..Options::default() };
        let listen: SocketAddr = "127.0.0.1:0".parse().expect("an address");
        let fault = fault("healthy-gateway").expect("a fault");
        Self { running: start(fault, listen, options).await.expect("it starts"), folder }
    }

    /// Checks the host by way of it.
    async fn check(&self, more: &[&str]) -> Run {
        let mut command = command();
        let place = self.running.address().to_string();
        command.args(["check", HOST, "--gateway", &place, "--json", "--timeout", "20"]).args(more);
        command.env("SSL_CERT_FILE", self.folder.join("ca.pem"));
        command.env("XDG_STATE_HOME", &self.folder).env("RDPDOCTOR_PASSWORD", PASSWORD);
        tokio::task::spawn_blocking(move || run(&mut command)).await.expect("it ran")
    }

    async fn signed_in(&self, more: &[&str]) -> Run {
        self.check(&[&["-u", USER], more].concat()).await
    }
}

fn stage<'a>(document: &'a Value, name: &str) -> &'a Value {
    let stages = document["stages"].as_array().expect("stages");
    stages.iter().find(|stage| stage["stage"] == name).expect("the stage")
}

fn observed<'a>(document: &'a Value, kind: &str) -> Vec<&'a Value> {
    let all = document["observations"].as_array().expect("observations");
    all.iter().filter(|o| o["kind"] == kind).collect()
}

/// The cause that the table names first; the last resort where it names none that is a gateway's.
fn expected(row: &rdpdoctor_diagnosis::codes::Entry) -> CauseId {
    let judged = |id: &CauseId| CATALOGUE.iter().any(|cause| cause.id == *id);
    let named = row.causes.iter().copied().find(judged);
    named.unwrap_or(CauseId("gateway.error"))
}

/// Every code of the table, through the real command: at the tunnel, at its authorisation, at the
/// channel and in the middle of the connection to the host. What the code says does not depend on
/// where it is said.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_code_of_the_table_gives_its_cause() {
    let steps = [
        (GatewayStep::Tunnel, "tunnel"),
        (GatewayStep::Authorization, "authorization"),
        (GatewayStep::Channel, "channel"),
        (GatewayStep::Close, "close"),
    ];
    let rows: Vec<_> = entries().iter().filter(|row| row.table == Table::Gateway).collect();
    assert!(rows.len() >= 30, "{} rows", rows.len());
    let mut wrong = Vec::new();
    for (at, row) in rows.into_iter().enumerate() {
        let code = row.number.expect("a code");
        if code == 0 {
            continue;
        }
        // One step a row in turn; the policies at each.
        let policy = [0x8007_59DA, 0x8007_59DB, 0x59DD].contains(&code);
        // A host that hung up behind the gateway is judged by what it was asked then.
        let steps = if code == 0xA0 { &steps[..3] } else { &steps[..] };
        let chosen = steps.iter().enumerate().filter(|(n, _)| policy || *n == at % steps.len());
        for (_, (step, name)) in chosen {
            let test = format!("code-{code:08x}-{name}");
            let lab = Lab::start("gateway-code", &test, Some((*step, code))).await;
            let run = lab.signed_in(&["--trust", "any"]).await;
            let document = run.json();
            let said = observed(&document, "gateway-code");
            let said = said.iter().any(|o| o["step"] == *name && o["code"] == code);
            let first = &document["findings"][0];
            let words = first["explanation"].as_str().unwrap_or_default();
            // A client goes on where only the health of its machine is refused (MS-TSGU 3.3.5.2).
            let goes_on = code == 0x8007_59ED && *name == "authorization";
            let right = cause(&document) == expected(row).0
                && said
                && run.code == if goes_on { 1 } else { 2 }
                && first["stage"].as_str().is_none_or(|stage| stage == "gateway")
                && document["verdict"]["stage"] == "gateway"
                && words.contains(&row.meaning)
                && row.name.as_deref().is_none_or(|name| words.contains(name));
            if !right {
                let (found, exit) = (cause(&document).to_owned(), run.code);
                wrong.push(format!("{code:#x} at {name}: {}, {found} {exit}", expected(row)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Both forms of a code mean the same, and one that no table has is kept as a number.
#[tokio::test(flavor = "multi_thread")]
async fn codes_in_their_other_form_and_unknown_ones() {
    for (code, id) in [
        (0x59DB, "gateway.connection-policy-denied"),
        (0x8007_59DD, "gateway.target-unreachable"),
        (0x8BAD_F00D, "gateway.error"),
    ] {
        let test = format!("form-{code:08x}");
        let lab = Lab::start("gateway-code", &test, Some((GatewayStep::Channel, code))).await;
        let document = lab.signed_in(&["--trust", "any"]).await.json();
        assert_eq!(cause(&document), id, "{code:#x}");
        assert_eq!(document["verdict"]["proof"], "proven", "{code:#x}");
    }
}

/// All stages of the host go through the tunnel, by either transport, and the document says by way
/// of whom.
#[tokio::test(flavor = "multi_thread")]
async fn every_stage_of_the_host_inside_the_tunnel() {
    for (name, transport) in [
        ("healthy-gateway", "websocket"),
        ("healthy-gateway-http", "http"),
        ("healthy-gateway-fallback", "http"),
        ("healthy-gateway-basic", "websocket"),
        ("healthy-gateway-in-packets", "websocket"),
    ] {
        let lab = Lab::start(name, &format!("inside-{name}"), None).await;
        let picture = lab.folder.join("desktop.png");
        let picture_name = picture.to_string_lossy();
        let more = ["--trust", "any", "--yes", "--desktop", &picture_name];
        let run = lab.signed_in(&more).await;
        let document = run.json();
        assert_eq!((run.code, cause(&document)), (0, "healthy"), "{name}: {}", run.stderr);
        let place = lab.running.address().to_string();
        assert_eq!(document["target"]["via"], place.as_str(), "{name}");
        assert_eq!(document["target"]["host"], HOST);
        assert_eq!(document["target"]["addresses"], serde_json::json!([]), "the gateway finds it");
        let stages = document["stages"].as_array().expect("stages");
        let names: Vec<_> = stages.iter().filter_map(|s| s["stage"].as_str()).collect();
        let all = [
            "gateway",
            "dns",
            "tcp",
            "x224",
            "tls",
            "credssp",
            "mcs",
            "licensing",
            "session",
            "desktop",
        ];
        assert_eq!(names, all, "{name}");
        assert!(stages.iter().all(|stage| stage["status"] == "ok"), "{name}: {stages:?}");
        for (stage_name, word) in [
            ("dns", "the gateway is 127.0.0.1; it looks up the host"),
            ("tcp", "of the gateway open"),
        ] {
            let detail = stage(&document, stage_name)["detail"].as_str().expect("words");
            assert!(detail.contains(word), "{detail}");
        }
        let agreed = observed(&document, "gateway-answer");
        let last = agreed.iter().rfind(|o| o["status"] != 401).expect("an agreement");
        assert_eq!(last["transport"], transport, "{name}");
        assert!(picture.exists(), "{name}");
        let tunnels: Vec<_> = observed(&document, "connection")
            .into_iter()
            .filter(|o| o["transport"] == "tunnel")
            .collect();
        assert_eq!(tunnels.len(), 1, "{name}: no question beside the main path");
        assert_eq!(tunnels[0]["purpose"], "main", "{name}");
    }
}

/// Without a user the gateway's own offer is as far as it goes; nothing that can be tried for a
/// password has left, and no name of the host was looked up here.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_user_as_far_as_the_offer() {
    let lab = Lab::start("healthy-gateway", "no-user", None).await;
    let run = lab.check(&[]).await;
    let document = run.json();
    assert_eq!((run.code, document["verdict"]["status"].as_str()), (0, Some("ok")));
    let title = document["verdict"]["title"].as_str().expect("a title");
    assert!(title.contains("needs -u"), "{title}");
    let gateway = stage(&document, "gateway");
    assert_eq!(gateway["status"], "ok");
    let detail = gateway["detail"].as_str().expect("words");
    assert!(detail.contains("Negotiate, NTLM"), "{detail}");
    assert_eq!(stage(&document, "x224")["status"], "skipped");
    assert!(observed(&document, "name-failed").is_empty());
    assert!(observed(&document, "dns-answer").is_empty());
    let records = lab.running.record();
    assert_eq!(records.len(), 1, "one connection");
    assert!(records.iter().all(|r| !r.authenticate_received && !r.credentials_received));
}

/// No credential leaves for a gateway that nothing vouches for; the finding says why.
#[tokio::test(flavor = "multi_thread")]
async fn an_untrusted_gateway_is_given_nothing() {
    let lab = Lab::start("gateway-certificate-self-signed", "untrusted", None).await;
    let run = lab.signed_in(&[]).await;
    let document = run.json();
    assert_eq!((run.code, cause(&document)), (2, "gateway.certificate"));
    let released = observed(&document, "credential-release");
    assert_eq!(released.len(), 1);
    assert_eq!(
        (&released[0]["released"], &released[0]["stage"]),
        (&false.into(), &"gateway".into())
    );
    assert!(lab.running.record().iter().all(|r| !r.authenticate_received));

    // Its fingerprint vouches for it; the host's own certificate is another matter.
    let certificates = observed(&document, "server-certificates");
    let pin = certificates[0]["certificates"][0]["sha256"].as_str().expect("a fingerprint");
    let pinned = lab.signed_in(&["--pin", pin]).await.json();
    let released = observed(&pinned, "credential-release");
    assert_eq!(released[0]["reason"], "pin-matches");
    assert_eq!(stage(&pinned, "x224")["status"], "ok");
    assert!(lab.running.record().iter().any(|r| r.authenticate_received));
}

/// What vouched for one connection does not vouch for the next one, which shows something else.
#[tokio::test(flavor = "multi_thread")]
async fn each_certificate_is_judged() {
    let lab = Lab::start("gateway-certificate-changes", "changes", None).await;
    let document = lab.signed_in(&[]).await.json();
    assert_eq!(cause(&document), "gateway.certificate");
    let released = observed(&document, "credential-release");
    let released: Vec<_> = released.iter().filter_map(|o| o["released"].as_bool()).collect();
    assert_eq!(released, [true, false]);
    let proofs: Vec<_> = lab.running.record().iter().map(|r| r.authenticate_received).collect();
    assert_eq!(proofs, [true, false]);
}

/// Basic hands the password itself over: only where a gateway that is trusted takes nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_only_where_nothing_else_is_taken() {
    let basic = Lab::start("healthy-gateway-basic", "basic", None).await;
    let document = basic.signed_in(&["--trust", "any"]).await.json();
    let sent: Vec<_> = observed(&document, "credential-sent");
    assert_eq!(sent[0]["mechanism"], "basic");
    assert!(basic.running.record()[0].credentials_received);
    let text = document.to_string();
    assert!(!text.contains(PASSWORD) && !text.contains("bGFiOm"), "no trace of the password");

    let ntlm = Lab::start("healthy-gateway", "not-basic", None).await;
    ntlm.signed_in(&["--trust", "any"]).await;
    let records = ntlm.running.record();
    assert!(records[0].authenticate_received && !records[0].credentials_received);
    let above = String::from_utf8_lossy(&records[0].above_tls).into_owned();
    assert!(!above.contains("Basic") && !above.contains(PASSWORD), "{above}");
}

/// After a rejection the same user is refused here, as after one of the host's.
#[tokio::test(flavor = "multi_thread")]
async fn one_attempt_at_the_gateway() {
    let lab = Lab::start("gateway-auth-rejected", "one-attempt", None).await;
    let document = lab.signed_in(&["--trust", "any"]).await.json();
    assert_eq!(cause(&document), "gateway.auth-rejected");
    let proofs =
        |lab: &Lab| lab.running.record().iter().filter(|r| r.authenticate_received).count();
    assert_eq!((observed(&document, "credential-sent").len(), proofs(&lab)), (1, 1));
    let again = lab.signed_in(&["--trust", "any"]).await;
    assert_eq!((again.code, proofs(&lab)), (3, 1));
    assert!(again.json()["verdict"]["title"].as_str().is_some_and(|t| t.contains("--again")));
    lab.signed_in(&["--trust", "any", "--again"]).await;
    assert_eq!(proofs(&lab), 2);
}

/// Nobody listens, and a name that nobody knows.
#[tokio::test(flavor = "multi_thread")]
async fn gateway_unreachable() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
    let dead = free.expect("a free port").to_string();
    for place in [dead.as_str(), "no-such-gateway.invalid"] {
        let arguments = ["check", HOST, "--gateway", place, "--json", "--timeout", "5"];
        let run = run(command().args(arguments));
        let document = run.json();
        assert_eq!((run.code, cause(&document)), (2, "gateway.unreachable"), "{place}");
        let verdict = &document["verdict"];
        assert_eq!((&verdict["stage"], &verdict["proof"]), (&"gateway".into(), &"proven".into()));
        assert_eq!(document["findings"].as_array().map(Vec::len), Some(1), "{place}");
    }
}

/// What a person reads.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_reads() {
    for name in ["healthy-gateway", "gateway-resource-policy-denied", "gateway-tls-terminated"] {
        let lab = Lab::start(name, &format!("words-{name}"), None).await;
        let mut command = command();
        let place = lab.running.address().to_string();
        command.args(["check", HOST, "--gateway", &place, "-u", USER, "--trust", "any"]);
        command.env("SSL_CERT_FILE", lab.folder.join("ca.pem"));
        command.env("XDG_STATE_HOME", &lab.folder).env("RDPDOCTOR_PASSWORD", PASSWORD);
        let run = tokio::task::spawn_blocking(move || run(&mut command)).await.expect("it ran");
        let lines: Vec<_> = run.stdout.lines().collect();
        assert!(lines.len() <= 24, "{name}: {} lines", lines.len());
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{name}");
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT");
        settings.add_filter(r"port \d+", "port PORT");
        settings.add_filter(r"\bo\d+\b", "oN");
        settings.add_filter(r"(under )?\d+(\.\d+)? ms", "N ms");
        settings.add_filter(r"\d{4}-\d\d-\d\d", "DATE");
        settings.bind(|| insta::assert_snapshot!(format!("gateway-{name}"), run.stdout));
    }
}

/// What the administrator tells is quoted, and kept a few times only.
#[tokio::test(flavor = "multi_thread")]
async fn a_chatter_is_bounded() {
    let lab = Lab::start("gateway-chatter", "chatter", None).await;
    let document = lab.signed_in(&["--trust", "any", "--timeout", "3"]).await.json();
    assert_eq!(cause(&document), "gateway.second-factor");
    let words = document["findings"][0]["explanation"].as_str().expect("words");
    assert!(words.contains("It told: Confirm the sign-in on your telephone."), "{words}");
    assert_eq!(observed(&document, "gateway-message").len(), 8);

    let lab = Lab::start("healthy-gateway-consent", "consent", None).await;
    let document = lab.signed_in(&["--trust", "any"]).await.json();
    let told = observed(&document, "gateway-message");
    assert_eq!(told[0]["text"], "Only for members of the lab. Agreed?");
    let words = stage(&document, "gateway")["detail"].as_str().expect("words");
    assert!(words.contains("words to agree to"), "{words}");
}

/// The lab's gateway is one to a client that others wrote: by both transports, bound to the TLS, and
/// with a code that it reads as it was meant.
#[tokio::test(flavor = "multi_thread")]
async fn freerdp_goes_through_the_gateway() {
    if !installed(&["xfreerdp", "Xvfb"], "freerdp_goes_through_the_gateway") {
        return;
    }
    let (_server, display) = xvfb();
    for (name, expected) in [
        ("healthy-gateway", "Upgraded to websocket"),
        ("healthy-gateway-http", "RDG_IN_DATA authorization result: 200"),
        ("gateway-resource-policy-denied", "E_PROXY_RAP_ACCESSDENIED"),
        ("gateway-auth-rejected", "RDG_OUT_DATA authorization result: 401"),
    ] {
        let lab = Lab::start(name, &format!("freerdp-{name}"), None).await;
        let mut client = Command::new("xfreerdp");
        client.args([&format!("/v:{HOST}"), &format!("/g:{}", lab.running.address())]);
        client.args([&format!("/u:{USER}"), &format!("/gu:{USER}"), "/gt:http", "/cert:ignore"]);
        client.args([&format!("/p:{PASSWORD}"), &format!("/gp:{PASSWORD}")]);
        client.args(["+auth-only", "/log-level:DEBUG"]);
        client.env("DISPLAY", &display).env("HOME", &lab.folder).stdin(Stdio::null());
        let ran = tokio::task::spawn_blocking(move || client.output()).await.expect("it ran");
        let output = ran.expect("the client starts");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains(expected), "{name}: {said}");
        assert_eq!(output.status.success(), name.starts_with("healthy"), "{name}: {said}");
    }
}

/// A gateway's name and the user's are masked wherever they stand.
#[tokio::test(flavor = "multi_thread")]
async fn masked() {
    let lab = Lab::start("gateway-connection-policy-denied", "masked", None).await;
    let port = lab.running.address().port();
    let mut command = command();
    let place = format!("localhost:{port}");
    command.args(["check", HOST, "--gateway", &place, "-u", USER, "--trust", "any", "--json"]);
    command.arg("--mask").env("XDG_STATE_HOME", &lab.folder);
    command.env("SSL_CERT_FILE", lab.folder.join("ca.pem")).env("RDPDOCTOR_PASSWORD", PASSWORD);
    let run = tokio::task::spawn_blocking(move || run(&mut command)).await.expect("it ran");
    assert_eq!(cause(&run.json()), "gateway.connection-policy-denied");
    assert!(!run.stdout.to_lowercase().contains("labpc01"), "{}", run.stdout);

    let mut unknown = self::command();
    let place = "gw7.secretcorp.invalid:8443";
    unknown.args(["check", HOST, "--gateway", place, "--mask", "--json", "--timeout", "5"]);
    let masked =
        tokio::task::spawn_blocking(move || self::run(&mut unknown)).await.expect("it ran");
    assert_eq!(cause(&masked.json()), "gateway.unreachable");
    assert!(!masked.stdout.contains("gw7") && !masked.stdout.contains("secretcorp"));
}

#[test]
fn a_gateway_that_is_none_is_a_usage_error() {
    for place in ["", "gw.example:0", "https://gw.example", "a b"] {
        let run = run(command().args(["check", HOST, "--gateway", place]));
        assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{place:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{place:?}: {}", run.stderr);
    }
}

/// Faults that look otherwise behind the lab's gateway, for a reason of the lab's: their authority is
/// not the one that is trusted here, the name that is asked for is another, the one host behind the
/// gateway is every host.
const OF_THE_LAB: [&str; 12] = [
    "healthy-ca-certificate",
    "healthy-revocation-list",
    "healthy-large-chain",
    "other-name",
    "self-connection",
    "cert-name-mismatch",
    "cert-revoked",
    "cert-revocation-unreachable",
    "session-broker-redirect",
    "session-broker-redirect-failed",
    // Datagrams do not go by way of it.
    "udp-silent",
    "udp-cookie-silent",
];

/// A host that fails behind a gateway has the cause that it has without one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_fails_behind_a_gateway_fails_as_without_one() {
    // A proxy's faults are no host's.
    let behind = FAULTS.iter().filter(|f| !f.is_gateway() && !f.name.contains("proxy"));
    let mut tasks = Vec::new();
    for &fault in behind.filter(|fault| !OF_THE_LAB.contains(&fault.name)) {
        tasks.push((fault, tokio::spawn(found_behind(fault))));
    }
    assert!(tasks.len() > 100, "{} faults", tasks.len());
    let mut wrong = Vec::new();
    for (fault, task) in tasks {
        let document = task.await.expect("it ran");
        let found = cause(&document);
        if found != fault.cause.unwrap_or("healthy") {
            wrong.push(format!("{}: {found}", fault.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn found_behind(fault: &'static Fault) -> Value {
    let _turn = TURNS.acquire().await.expect("a turn");
    let lab = Lab::behind(fault).await;
    let picture = lab.folder.join("desktop.png").to_string_lossy().into_owned();
    let mut more = vec!["--trust", "any", "--timeout", "4"];
    if fault.depth() == Depth::Session {
        more.extend(["--yes", "--desktop", &picture]);
    }
    if fault.name.starts_with("rdpsec-") || fault.name.starts_with("healthy-rdp-") {
        more.extend(["--security", "rdp"]);
    }
    if fault.name == "nla-restricted-admin-disabled" {
        more.push("--restricted-admin");
    }
    lab.signed_in(&more).await.json()
}
