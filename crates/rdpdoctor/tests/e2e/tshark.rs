//! What `read` says of a capture against what `tshark` says of it, field by field.
//!
//! Compared, for each connection: the requested protocols, the chosen one or the refusal, the version
//! and the suite of the ServerHello, the serial numbers of the certificates, target name and build of
//! the NTLM challenge, and the result of MCS Connect. What `tshark` has, `read` must have as well, and
//! the same. Where `tshark` has nothing, nothing is said:
//! - behind CredSSP it does not find MCS again;
//! - inside a gateway's tunnel it sees no connection at all.
//!
//! The client's name and build, which `tshark` has where MCS Connect can be read, are in no fact: no
//! cause asks for them, and they name a person's machine.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use rdpdoctor_lab::fault;
use serde_json::Value;

use crate::capture::DATA;
use crate::lab::{self, Recorded};
use crate::programs::installed;
use crate::recorder::Recorder;
use crate::support::{command, folder, run};

/// Fields of each connection, by the client's port: the values that were seen.
type Seen = BTreeMap<String, BTreeMap<&'static str, Vec<String>>>;

/// The lab's servers of which captures are made: each protocol, version and way to end.
const RECORDED: &[&str] = &[
    "healthy-nla",
    "healthy-tls-only",
    "healthy-tls12-only",
    "healthy-tls13",
    "healthy-ec-certificate",
    "healthy-large-chain",
    "healthy-rdp-security",
    "nego-nla-required",
    "nego-unknown-failure",
    "tls-version-1-0",
    "mcs-refused",
    "nla-credentials-rejected",
    "healthy-gateway",
    "healthy-gateway-http",
    "gateway-auth-rejected",
];

/// Real captures, with the port of their servers; they are not part of the project.
const REAL: &[(&str, u16)] = &[
    ("awk-rdp-nla-kerberos-auth1.pcapng", 3389),
    ("awk-rdp-nla-ntlm-rejected1.pcapng", 3389),
    ("awk-rdp-nla-smartcard-auth1.pcapng", 3389),
    ("awk-rdp-no-nla-accepted1.pcapng", 3389),
    ("awk-rdp-no-nla-smartcard-auth1.pcapng", 3389),
    ("awk-rdp-rdg-no-kdc-proxy-ntlm-downgrade-failure.pcapng", 443),
    ("awk-rdp-restricted-admin-rejected1.pcapng", 3389),
    ("elca-windows_miscellany.pcap", 3389),
    ("jovair-rdp.pcap", 3389),
    ("ndpi-rdp.pcap", 3389),
    ("ndpi-rdp3.pcap", 3389),
    ("zeek-rdp-to-ssl.pcap", 3389),
];

/// The port of a gateway.
const HTTPS: u16 = 443;

/// Connections of which `read` says nothing, and why: capture, the client's port, reason.
const ACCEPTED: &[(&str, &str, &str)] = &[(
    "awk-rdp-rdg-no-kdc-proxy-ntlm-downgrade-failure.pcapng",
    "49780",
    "it asks the KDC proxy, by HTTP/2, and is no way to a host",
)];

/// Every field, and how often both have to have it in the lab's captures: a test that compares nothing
/// would find no difference.
const FIELDS: &[(&str, usize)] = &[
    ("requested", 20),
    ("selected", 8),
    ("failure", 5),
    ("version", 10),
    ("suite", 10),
    ("serials", 8),
    ("target-name", 3),
    ("build", 3),
    ("mcs-result", 2),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn read_sees_what_tshark_sees() {
    if !installed(&["tshark"], "read_sees_what_tshark_sees") {
        return;
    }
    let Some(recorder) = Recorder::start() else { return };
    let place = folder("tshark");
    let mut tasks = Vec::new();
    for name in RECORDED {
        let known = fault(name).unwrap_or_else(|| panic!("no fault {name}"));
        let keys = place.join(format!("{name}.keys"));
        tasks.push((*name, tokio::spawn(lab::recorded(known, keys))));
    }
    let mut checks = Vec::new();
    for (name, task) in tasks {
        checks.push((name, task.await.expect("it ran")));
    }
    let recording = recorder.stop();
    let mut found = Found::default();
    for (name, Recorded { port, time, keys, .. }) in checks {
        let file = place.join(format!("{name}.pcap"));
        std::fs::write(&file, recording.pcap(port, time)).expect("it can be written");
        found.compare(name, &file, Some(keys.as_path()).filter(|keys| keys.exists()), port);
    }
    for (field, least) in FIELDS {
        let compared = found.compared.get(field).copied().unwrap_or(0);
        assert!(compared >= *least, "{field}: {compared} compared, not {least}");
    }
    if Path::new(DATA).exists() {
        for (name, port) in REAL {
            found.compare(name, Path::new(&format!("{DATA}/pcap/{name}")), None, *port);
        }
    } else {
        eprintln!("skipped: {DATA} is not there");
    }
    assert!(found.wrong.is_empty(), "{}", found.wrong.join("\n"));
}

#[derive(Default)]
struct Found {
    compared: BTreeMap<&'static str, usize>,
    wrong: Vec<String>,
}

impl Found {
    fn compare(&mut self, name: &str, file: &Path, keys: Option<&Path>, port: u16) {
        let (theirs, ours) = (by_tshark(file, keys, port), by_read(file, keys));
        for (client, fields) in &theirs {
            for (field, values) in fields {
                let own = ours.get(client).and_then(|own| own.get(field));
                let accepted = ACCEPTED.iter().any(|(n, c, _)| n == &name && c == client);
                if own == Some(values) {
                    *self.compared.entry(field).or_default() += 1;
                } else if !accepted {
                    let line = format!("{name}, port {client}, {field}: {own:?}, not {values:?}");
                    self.wrong.push(line);
                }
            }
        }
    }
}

/// Keeps a value once, in the order in which they come.
fn keep(seen: &mut Seen, client: &str, field: &'static str, value: String) {
    let values = seen.entry(client.to_owned()).or_default().entry(field).or_default();
    if !value.is_empty() && !values.contains(&value) {
        values.push(value);
    }
}

/// A hexadecimal or decimal number of `tshark`.
fn number(text: &str) -> String {
    let value = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    value.unwrap_or_else(|_| panic!("{text} is no number")).to_string()
}

/// A serial number without the zero that keeps it positive.
fn serial(text: &str) -> String {
    text.to_lowercase().trim_start_matches('0').to_owned()
}

/// Both ways to read a port: `tshark` finds the negotiation below TPKT, and TLS only without it.
fn by_tshark(file: &Path, keys: Option<&Path>, port: u16) -> Seen {
    let mut seen = Seen::new();
    let negotiation = [
        "rdp.negReq.requestedProtocols",
        "rdp.negReq.selectedProtocol",
        "rdp.negFailure.failureCode",
        "t125.result",
    ];
    for row in rows(file, keys, port, "tpkt", &negotiation) {
        let names = ["requested", "selected", "failure", "mcs-result"];
        for (field, value) in names.into_iter().zip(&row.values) {
            value.iter().for_each(|value| keep(&mut seen, &row.client, field, number(value)));
        }
    }
    let inside = [
        "tls.handshake.type",
        "tls.handshake.version",
        "tls.handshake.extensions.supported_version",
        "tls.handshake.ciphersuite",
        "x509af.serialNumber",
        "ntlmssp.challenge.target_name",
        "ntlmssp.version.build_number",
        "t125.result",
    ];
    for row in rows(file, keys, port, "tls", &inside).into_iter().filter(|row| row.by_server) {
        let [kinds, old, supported, suite, serials, target, build, result] = &row.values[..] else {
            panic!("{} columns", row.values.len())
        };
        let mut keep = |field, value| keep(&mut seen, &row.client, field, value);
        // A ServerHello, and not the Client's: TLS 1.3 names its version in an extension.
        if kinds.iter().any(|kind| kind == "2") {
            let version = if supported.is_empty() { old } else { supported };
            version.first().into_iter().for_each(|value| keep("version", number(value)));
            suite.first().into_iter().for_each(|value| keep("suite", number(value)));
        }
        serials.iter().for_each(|value| keep("serials", serial(value)));
        target.iter().for_each(|value| keep("target-name", value.clone()));
        if !target.is_empty() {
            build.iter().for_each(|value| keep("build", number(value)));
        }
        result.iter().for_each(|value| keep("mcs-result", number(value)));
    }
    seen
}

fn name_of(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// What `tshark` has in one frame.
struct Row {
    client: String,
    by_server: bool,
    values: Vec<Vec<String>>,
}

fn rows(file: &Path, keys: Option<&Path>, port: u16, protocol: &str, fields: &[&str]) -> Vec<Row> {
    let mut tshark = Command::new("tshark");
    tshark.arg("-n").arg("-r").arg(file).args(["-T", "fields", "-E", "occurrence=a"]);
    tshark.args(["-E", "aggregator=|", "-d", &format!("tcp.port=={port},{protocol}")]);
    // What is inside its TLS, which on a port of the lab nobody knows.
    let inside = if port == HTTPS || name_of(file).contains("gateway") { "http" } else { "tpkt" };
    tshark.args(["-d", &format!("tls.port=={port},{inside}")]);
    tshark.args(["-Y", &fields.join(" or "), "-e", "tcp.srcport", "-e", "tcp.dstport"]);
    fields.iter().for_each(|field| {
        tshark.args(["-e", field]);
    });
    if let Some(keys) = keys {
        tshark.args(["-o", &format!("tls.keylog_file:{}", keys.display())]);
    }
    let answer = run(&mut tshark);
    // A capture that was cut short is read as far as it goes, by both.
    let read = answer.code == 0 || answer.stderr.contains("cut short");
    assert!(read, "{}: {}", file.display(), answer.stderr);
    let row = |line: &str| {
        let mut columns = line.split('\t').map(|column| {
            column.split('|').filter(|value| !value.is_empty()).map(str::to_owned).collect()
        });
        let mut port_of = || -> String {
            columns.next().and_then(|c: Vec<_>| c.first().cloned()).unwrap_or_default()
        };
        let (from, to) = (port_of(), port_of());
        let by_server = from == port.to_string();
        let client = if by_server { to } else { from };
        Row { client, by_server, values: columns.collect() }
    };
    answer.stdout.lines().map(row).collect()
}

/// The same fields of the facts of `read`.
fn by_read(file: &Path, keys: Option<&Path>) -> Seen {
    let mut reading = command();
    reading.arg("read").arg(file).arg("--json");
    keys.into_iter().for_each(|keys| {
        reading.arg("--keylog").arg(keys);
    });
    let document = run(&mut reading).json();
    let attempts = document["attempts"].as_array().filter(|attempts| !attempts.is_empty());
    let parts = attempts.map_or_else(|| vec![&document], |attempts| attempts.iter().collect());
    let mut seen = Seen::new();
    for observations in parts.into_iter().filter_map(|part| part["observations"].as_array()) {
        let clients: BTreeMap<u64, &str> = observations
            .iter()
            .filter(|o| o["kind"] == "connection")
            .filter_map(|o| {
                let (_, port) = o["local"].as_str()?.rsplit_once(':')?;
                Some((o["number"].as_u64()?, port))
            })
            .collect();
        for observation in observations {
            let number = observation["connection"].as_u64();
            if let Some(client) = number.and_then(|number| clients.get(&number)) {
                fields_of(observation, client, &mut seen);
            }
        }
    }
    seen
}

fn fields_of(observation: &Value, client: &str, seen: &mut Seen) {
    let mut keep = |field, value: &Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if !value.is_null() {
            keep(seen, client, field, text);
        }
    };
    match observation["kind"].as_str().unwrap_or_default() {
        "connection-request" => keep("requested", &observation["requested_protocols"]),
        "connection-confirm" => {
            keep("selected", &observation["negotiation"]["selected_protocol"]);
            keep("failure", &observation["negotiation"]["code"]);
        }
        "server-hello" => {
            keep("version", &observation["version"]);
            keep("suite", &observation["cipher_suite"]);
        }
        "server-certificates" => {
            for certificate in observation["certificates"].as_array().into_iter().flatten() {
                let own = certificate["serial"].as_str().unwrap_or_default().replace(':', "");
                keep("serials", &Value::String(serial(&own)));
            }
        }
        "ntlm-challenge" => {
            keep("target-name", &observation["target_name"]);
            keep("build", &observation["version"]["build"]);
        }
        "mcs-connect-response" => keep("mcs-result", &observation["result"]),
        _ => {}
    }
}
