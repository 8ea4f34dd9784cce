//! Captures: the same diagnosis as of the live failure.

use rdpdoctor_lab::FAULTS;
use serde_json::Value;

use crate::lab::{self, Recorded, Way};
use crate::recorder::Recorder;
use crate::support::{Run, cause, command, findings, folder, run};

/// Faults of which a capture does not hold what the verdict of `check` rests on, and why.
pub const NOT_IN_A_CAPTURE: &[(&str, &str)] = &[
    ("self-connection", "the name of the machine that checks"),
    ("tls-wrong-key", "what the client's library says of the signature"),
    ("cert-name-mismatch", "whom the client trusts; an untrusted certificate may bear any name"),
    ("cert-unknown-ca", "whom the client trusts"),
    ("cert-revoked", "what the authority says: another connection, to another place"),
    ("cert-revocation-unreachable", "the same"),
    ("gateway-certificate-revoked", "the same, of the gateway's"),
    ("nla-public-key-mismatch", "whether the proof is right, which the client keeps to itself"),
    ("session-no-picture", "the picture, which is not painted from a capture"),
];

/// Every fault of the lab is checked while its packets are recorded; `read` of the recording, with
/// the secrets of the check's own connections, must give the same cause. Without them it may know
/// less, and must not say anything else.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn read_agrees_with_check() {
    let Some(recorder) = Recorder::start() else { return };
    let place = folder("captures");
    let mut tasks = Vec::new();
    for &fault in FAULTS {
        let keys = place.join(format!("{}.keys", fault.name));
        tasks.push((fault, tokio::spawn(lab::recorded(fault, keys))));
    }
    let mut checks = Vec::new();
    for (fault, task) in tasks {
        checks.push((fault, task.await.expect("it ran")));
    }
    let recording = recorder.stop();
    let mut wrong = Vec::new();
    for (fault, Recorded { run: checked, port, time, keys }) in checks {
        let file = place.join(format!("{}.pcap", fault.name));
        std::fs::write(&file, recording.pcap(port, time)).expect("it can be written");
        let mut reading = command();
        reading.arg("read").arg(&file).arg("--json");
        let without = run(&mut reading);
        if keys.exists() {
            reading.arg("--keylog").arg(&keys);
        }
        let read = run(&mut reading);
        let expected = checked.json();
        let other = NOT_IN_A_CAPTURE.iter().find(|(name, _)| *name == fault.name);
        let wanted = if other.is_some() { "healthy" } else { cause(&expected) };
        let nothing = |run: &Run| run.stderr.contains("no Remote Desktop connection");
        if read.stdout.is_empty() {
            wrong.push(format!("{}: {}", fault.name, read.stderr));
            continue;
        }
        let document = read.json();
        if cause(&document) != wanted {
            wrong.push(format!(
                "{}: {:?}, not {wanted} as {:?}",
                fault.name,
                findings(&document),
                findings(&expected)
            ));
        }
        // Without its secrets a connection to a gateway is one to any web server.
        if fault.is_gateway() {
            let silent = without.stdout.is_empty() && nothing(&without);
            if !silent {
                wrong.push(format!("{} without secrets: {}", fault.name, without.stdout));
            }
            continue;
        }
        let document = without.json();
        for finding in findings(&document).iter().filter(|f| f.contains(" blocking ")) {
            let cause = finding.split(' ').next().unwrap_or_default();
            if !findings(&expected).iter().any(|other| other.starts_with(cause)) {
                wrong.push(format!("{} without secrets: {finding}", fault.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Proxies of SOCKS that go wrong before the client says where it wants to go: it may be anywhere.
const BEFORE_THE_REQUEST: &[&str] =
    &["proxy-auth", "proxy-auth-unsupported", "proxy-garbage", "proxy-closed", "proxy-silent"];

/// The same of proxies that speak SOCKS 5; the client's packets end at the proxy.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn read_agrees_with_check_by_socks() {
    let Some(recorder) = Recorder::start() else { return };
    let place = folder("captures-socks");
    let proxies = FAULTS.iter().filter(|fault| fault.name.contains("proxy"));
    let mut tasks = Vec::new();
    for &fault in proxies {
        let keys = place.join(format!("{}.keys", fault.name));
        let way = Way::Usual("socks5");
        tasks.push((fault, tokio::spawn(lab::recorded_by(fault, keys, way))));
    }
    assert!(tasks.len() >= 10, "{} proxies", tasks.len());
    let mut checks = Vec::new();
    for (fault, task) in tasks {
        checks.push((fault, task.await.expect("it ran")));
    }
    let recording = recorder.stop();
    for (fault, Recorded { run: checked, port, time, .. }) in checks {
        let file = place.join(format!("{}.pcap", fault.name));
        std::fs::write(&file, recording.pcap(port, time)).expect("it can be written");
        let read = run(command().arg("read").arg(&file).arg("--json"));
        if BEFORE_THE_REQUEST.contains(&fault.name) {
            assert!(read.stderr.contains("no Remote Desktop connection"), "{}", fault.name);
            continue;
        }
        let (expected, document) = (checked.json(), read.json());
        assert_eq!(cause(&document), cause(&expected), "{}", fault.name);
        let via = |document: &Value| document["target"]["via"].clone();
        assert_eq!(via(&document), via(&expected), "{}", fault.name);
        let target = |document: &Value| document["target"]["input"].clone();
        assert_eq!(target(&document), target(&expected), "{}", fault.name);
    }
}

/// Real captures with what is known of each; they are not part of the project.
pub const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");

/// The verdict of each, and the causes that must be among its findings, the first one first.
const REAL: &[(&str, &str, &[&str])] = &[
    ("arkime-synthetic.pcap", "unknown", &[]),
    ("awk-rdp-nla-kerberos-auth1.pcapng", "ok", &["session.ended-by-user"]),
    ("awk-rdp-nla-ntlm-rejected1.pcapng", "failed", &["nla.ntlm-blocked"]),
    ("awk-rdp-nla-smartcard-auth1.pcapng", "ok", &["session.ended-by-user"]),
    ("awk-rdp-no-nla-accepted1.pcapng", "ok", &["session.ended-by-user"]),
    ("awk-rdp-no-nla-smartcard-auth1.pcapng", "ok", &["session.ended-by-user"]),
    // What is inside the tunnel has secrets of its own, which the captures have not got.
    ("awk-rdp-rdg-diff-creds-kerberos-password.pcapng", "ok", &[]),
    (
        "awk-rdp-rdg-no-kdc-proxy-ntlm-downgrade-failure.pcapng",
        "failed",
        &["gateway.auth-rejected blocking proven"],
    ),
    ("awk-rdp-rdg-same-creds-kerberos-password-success1.pcapng", "ok", &[]),
    ("awk-rdp-rdg-same-creds-kerberos-smartcard-success1.pcapng", "ok", &[]),
    ("awk-rdp-restricted-admin-rejected1.pcapng", "failed", &["nla.restricted-admin-disabled"]),
    ("elca-windows_miscellany.pcap", "degraded", &["tls.version-outdated"]),
    ("jovair-rdp.pcap", "degraded", &["tls.version-outdated"]),
    ("ndpi-rdp.pcap", "unknown", &[]),
    ("ndpi-rdp3.pcap", "ok", &["nego.legacy-security-only"]),
    ("ndpi-synscan.pcap", "failed", &["net.port-blocked"]),
    ("zeek-rdp-invalid-length.pcap", "failed", &["nego.malformed-response"]),
    ("zeek-rdp-to-ssl.pcap", "degraded", &["tls.version-outdated"]),
    ("zeek-rdp-unknown-keyboard.pcap", "unknown", &["nego.legacy-security-only"]),
];

#[test]
fn real_captures_agree_with_what_is_known_of_them() {
    let Ok(index) = std::fs::read_to_string(format!("{DATA}/INDEX.csv")) else {
        eprintln!("skipped: {DATA} is not there");
        return;
    };
    let mut compared = 0;
    for (name, status, causes) in REAL {
        let read = run(command().arg("read").arg(format!("{DATA}/pcap/{name}")).arg("--json"));
        let document = read.json();
        let found = findings(&document);
        assert_eq!(document["verdict"]["status"], *status, "{name}: {found:?}");
        for (found, cause) in found.iter().zip(*causes) {
            assert!(found.starts_with(cause), "{name}: {found}");
        }
        let row = index.lines().find(|line| line.starts_with(&format!("pcap/{name},")));
        let row = row.unwrap_or_else(|| panic!("{name} is not in the index"));
        for known in row.split(" || ").filter(|part| part.contains(":3389 req=")) {
            compared += usize::from(agrees(known, &document, name));
        }
    }
    assert!(compared >= 16, "{compared} connections compared");
}

/// What passed at the proxy of a key distribution centre, by HTTP/2: two tickets, and in the third capture
/// a 503 for people. The author says which had such a proxy.
#[test]
fn tickets_by_the_proxy_of_a_centre() {
    if !std::path::Path::new(DATA).exists() {
        eprintln!("skipped: {DATA} is not there");
        return;
    }
    for (name, tickets) in [
        ("same-creds-kerberos-password-success1", 2),
        ("same-creds-kerberos-smartcard-success1", 2),
        ("no-kdc-proxy-ntlm-downgrade-failure", 0),
    ] {
        let file = format!("{DATA}/pcap/awk-rdp-rdg-{name}.pcapng");
        let document = run(command().arg("read").arg(file).arg("--json")).json();
        let all = document["observations"].as_array().expect("observations");
        let own = all.iter().filter(|o| {
            let by_proxy = o["kdc"].as_str().is_some_and(|kdc| kdc.ends_with(":443"));
            o["kind"] == "kerberos-ticket" && o["stage"] == "gateway" && by_proxy
        });
        assert_eq!(own.count(), tickets, "{name}");
    }
}

/// Whether a connection is in the document as the index has it (`A>B req=… sel=… tls=… cert=…`).
fn agrees(known: &str, document: &Value, name: &str) -> bool {
    let ends = known.split(['"', ',', ' ']).find(|word| word.contains('>'));
    let Some((client, server)) = ends.and_then(|ends| ends.split_once('>')) else { return false };
    let value = |key: &str| {
        let word = known.split_whitespace().find_map(|word| word.strip_prefix(key));
        word.unwrap_or_default().to_owned()
    };
    let (request, selected) = (value("req="), value("sel="));
    if request == "None" {
        return false;
    }
    let parts: Vec<&Value> = match document["attempts"].as_array() {
        Some(attempts) if !attempts.is_empty() => attempts.iter().collect(),
        _ => vec![document],
    };
    let all: Vec<&Vec<Value>> =
        parts.iter().filter_map(|part| part["observations"].as_array()).collect();
    let of = |observations: &&&Vec<Value>| {
        observations.iter().any(|o| o["local"] == client && o["remote"] == server)
    };
    let own = all.iter().find(of).unwrap_or_else(|| panic!("{name}: no {client} > {server}"));
    let number = own
        .iter()
        .find(|o| o["kind"] == "connection" && o["local"] == client)
        .map(|o| o["number"].clone());
    let fact = |kind: &str| {
        own.iter().find(|o| o["kind"] == kind && Some(&o["connection"]) == number.as_ref())
    };
    if let Some(seen) = fact("connection-request") {
        let mut wanted = 0;
        for layer in request.split('|') {
            wanted |= match layer {
                "SSL" => 1,
                "HYBRID" => 2,
                "HYBRID_EX" => 8,
                _ => 0,
            };
        }
        assert_eq!(seen["requested_protocols"].as_u64().unwrap_or(0), wanted, "{name}: {known}");
    }
    let chosen = &fact("connection-confirm").expect("a confirm")["negotiation"];
    match selected.as_str() {
        "SSL" => assert_eq!(chosen["selected_protocol"], 1, "{name}"),
        "HYBRID" => assert_eq!(chosen["selected_protocol"], 2, "{name}"),
        "HYBRID_EX" => assert_eq!(chosen["selected_protocol"], 8, "{name}"),
        "FAIL" => assert_eq!(chosen["answer"], "failure", "{name}"),
        _ => assert_eq!(chosen["selected_protocol"].as_u64().unwrap_or(0), 0, "{name}"),
    }
    if let Some((version, suite)) = value("tls=").split_once('/').filter(|(v, _)| *v != "None") {
        let hello = fact("server-hello").expect("a ServerHello");
        let version = version.replace("1.", "").parse::<u64>().expect("a number") + 0x0301;
        assert_eq!(hello["version"], version, "{name}");
        let suite = u64::from_str_radix(suite, 16).expect("a number");
        assert_eq!(hello["cipher_suite"], suite, "{name}");
    }
    if let Some(common_name) = value("cert=").strip_prefix("CN=") {
        let shown = &fact("server-certificates").expect("a certificate")["certificates"][0];
        assert_eq!(shown["subject_common_name"], common_name, "{name}");
    }
    true
}
