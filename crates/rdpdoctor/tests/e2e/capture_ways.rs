//! Captures of other ways than the straight one: begun with TLS, by proxies inside TLS, to gateways behind
//! proxies. `read` agrees with `check` there as well.

use rdpdoctor_lab::{FAULTS, Fault, fault};
use rdpdoctor_model::DEFAULT_PORT;
use serde_json::Value;

use crate::capture::NOT_IN_A_CAPTURE;
use crate::lab::{self, Recorded, Way};
use crate::recorder::{Recorder, Recording};
use crate::support::{cause, command, findings, folder, run};

/// Faults that the direct approach never meets: they lie in the negotiation before TLS or around it, have
/// another layer behind it, or take the way of another test.
fn has_a_direct_way(fault: &Fault) -> bool {
    let prefixes = ["tls-", "nla-", "mcs-", "license-", "session-", "healthy-"];
    let others = ["proxy", "gateway", "rdp-", "tls-only", "logon-tls", "udp"];
    let fits = prefixes.iter().any(|prefix| fault.name.starts_with(prefix));
    fits && !others.iter().any(|other| fault.name.contains(other))
}

/// Which faults are recorded on which way, and what of them is to be held.
async fn agrees(place: &str, way: Way, faults: Vec<&'static Fault>, more: fn(&Pair)) {
    let Some(recorder) = Recorder::start() else { return };
    let place = folder(place);
    let mut tasks = Vec::new();
    for fault in faults {
        let keys = place.join(format!("{}.keys", fault.name));
        tasks.push((fault, tokio::spawn(lab::recorded_by(fault, keys, way))));
    }
    let mut checks = Vec::new();
    for (fault, task) in tasks {
        checks.push((fault, task.await.expect("it ran")));
    }
    let recording = recorder.stop();
    let mut wrong = Vec::new();
    for (fault, recorded) in checks {
        let pair = Pair::read(fault, recorded, way, &recording, &place);
        let known = NOT_IN_A_CAPTURE.iter().any(|(name, _)| *name == fault.name);
        let wanted = if known { "healthy" } else { cause(&pair.checked) };
        match &pair.read {
            Ok(read) if cause(read) == wanted => more(&pair),
            Ok(read) => wrong.push(format!(
                "{}: {:?}, not {wanted} as {:?}",
                fault.name,
                findings(read),
                findings(&pair.checked)
            )),
            Err(why) => wrong.push(format!("{}: {why}", fault.name)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A check, what its capture says with its secrets, and without them.
struct Pair {
    fault: &'static Fault,
    checked: Value,
    read: Result<Value, String>,
    sealed: Result<Value, String>,
}

impl Pair {
    fn read(
        fault: &'static Fault,
        recorded: Recorded,
        way: Way,
        recording: &Recording,
        place: &std::path::Path,
    ) -> Self {
        let Recorded { run: checked, port, time, keys } = recorded;
        let file = place.join(format!("{}.pcap", fault.name));
        // On its usual port Remote Desktop that begins with TLS is known without its secrets.
        let shown = if way == Way::Directly { DEFAULT_PORT } else { port };
        let capture = recording.pcap_as(port, shown, time);
        std::fs::write(&file, capture).expect("it can be written");
        let mut reading = command();
        reading.arg("read").arg(&file).arg("--json");
        let sealed = run(&mut reading);
        if keys.exists() {
            reading.arg("--keylog").arg(&keys);
        }
        let read = run(&mut reading);
        let told = |run: crate::support::Run| {
            if run.stdout.is_empty() { Err(run.stderr) } else { Ok(run.json()) }
        };
        Self { fault, checked: checked.json(), read: told(read), sealed: told(sealed) }
    }

    fn same(&self, key: &str) {
        let of = |document: &Value| document["target"][key].clone();
        let read = self.read.as_ref().expect("it was read");
        assert_eq!(of(read), of(&self.checked), "{} {key}", self.fault.name);
    }

    /// Without the secrets nobody can tell it from any other web page.
    fn is_nobodys_without_secrets(&self) {
        let why = self.sealed.as_ref().expect_err("nothing is said");
        assert!(why.contains("no Remote Desktop connection"), "{}: {why}", self.fault.name);
    }
}

fn named(names: &[&str]) -> Vec<&'static Fault> {
    names.iter().map(|name| fault(name).expect("a fault")).collect()
}

fn seen(document: &Value, kind: &str) -> usize {
    let observations = document["observations"].as_array().expect("observations");
    observations.iter().filter(|o| o["kind"] == kind).count()
}

/// TLS and CredSSP first, and the negotiation inside (MS-RDPBCGR 5.4.2.2).
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn read_agrees_with_check_directly() {
    let faults: Vec<_> = FAULTS.iter().copied().filter(|fault| has_a_direct_way(fault)).collect();
    assert!(faults.len() >= 70, "{}", faults.len());
    agrees("captures-direct", Way::Directly, faults, |pair| {
        let Ok(read) = &pair.read else { return };
        let direct = |document| seen(document, "direct-approach");
        assert_eq!(direct(read), direct(&pair.checked), "{}", pair.fault.name);
        // Without the secrets nobody sees where a broker sent the client.
        if pair.fault.name.contains("broker-redirect") {
            return;
        }
        let sealed = pair.sealed.as_ref().expect("known by its port");
        assert_eq!(direct(sealed), direct(&pair.checked), "{}", pair.fault.name);
        for finding in findings(sealed).iter().filter(|f| f.contains(" blocking ")) {
            let cause = finding.split(' ').next().unwrap_or_default();
            let known = findings(&pair.checked).iter().any(|other| other.starts_with(cause));
            assert!(known, "{} without secrets: {finding}", pair.fault.name);
        }
    })
    .await;
}

/// On any other port it is known by the sign-in that its secrets show, else by nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn read_agrees_with_check_directly_on_any_port() {
    let names = ["healthy-ca-certificate", "nla-credentials-rejected", "session-stuck"];
    agrees("captures-direct-any", Way::DirectlyAnywhere, named(&names), |pair| {
        pair.is_nobodys_without_secrets();
    })
    .await;
}

/// TLS to the proxy, and the request for a connection inside.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn read_agrees_with_check_by_https() {
    let proxies = FAULTS.iter().copied().filter(|fault| fault.name.contains("proxy")).collect();
    agrees("captures-https", Way::Usual("https"), proxies, |pair| {
        pair.same("via");
        pair.same("input");
        pair.is_nobodys_without_secrets();
    })
    .await;
    let names = ["healthy-ca-certificate", "nla-credentials-rejected", "session-stuck"];
    for way in [Way::Proxied("https"), Way::DirectlyBy("https"), Way::DirectlyBy("http")] {
        let place = format!("captures-{way:?}").replace(['(', ')', '"'], "-");
        agrees(&place, way, named(&names), |pair| {
            pair.same("via");
            pair.same("host");
            pair.same("port");
        })
        .await;
    }
}

/// A proxy is asked for the gateway, which is asked for the host.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn read_agrees_with_check_by_a_gateway_behind_a_proxy() {
    let names = [
        "healthy-gateway",
        "healthy-gateway-http",
        "healthy-gateway-in-packets",
        "gateway-auth-rejected",
        "gateway-resource-policy-denied",
        "gateway-target-unreachable",
        "gateway-rpc-only",
    ];
    for scheme in ["http", "https", "socks5"] {
        agrees(
            &format!("captures-gateway-{scheme}"),
            Way::Proxied(scheme),
            named(&names),
            |pair| {
                pair.same("via");
                // Whoever is not let in never says whom it wants.
                if pair.fault.name != "gateway-auth-rejected"
                    && pair.fault.name != "gateway-rpc-only"
                {
                    pair.same("host");
                }
                pair.is_nobodys_without_secrets();
            },
        )
        .await;
    }
}
