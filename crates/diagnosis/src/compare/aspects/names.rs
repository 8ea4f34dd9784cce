//! Before the connection: whom it is for, by which machine, file and proxy, and what the name is.

use std::collections::BTreeSet;
use std::net::IpAddr;

use rdpdoctor_model::{DnsOutcome, Fact, Lookup, RecordType, Stage};

use super::{Collector, Key, Weight, list, word};
use crate::causes::look;
use crate::{Evidence, TcpResult};

/// Stands for a file that was read: what it does not set, it does not set.
pub(super) const FILE: &str = "file";

pub(super) fn collect(evidence: &Evidence<'_>, out: &mut Collector) {
    run(evidence, out);
    file(evidence, out);
    proxy(evidence, out);
    resolved(evidence, out);
    dns(evidence, out);
}

fn run(evidence: &Evidence<'_>, out: &mut Collector) {
    if let Some(target) = evidence.target.filter(|target| !target.host.is_empty()) {
        let host = target.host.to_lowercase();
        out.text((Stage::Dns, "target"), Weight::Context, host, []);
        let port = (Stage::Tcp, "port");
        out.text(port, Weight::Identity, target.port.to_string(), []);
    }
    let machine = evidence.all(|fact| match fact {
        Fact::ThisMachine { names, .. } => names.first(),
        _ => None,
    });
    if let Some(seen) = machine.first() {
        out.text((Stage::Client, "machine"), Weight::Context, seen.value, [seen.id()]);
    }
}

/// What an `.rdp` file says; a setting that only one of two files has is a difference.
fn file(evidence: &Evidence<'_>, out: &mut Collector) {
    for seen in evidence.all(Some) {
        let id = [seen.id()];
        match seen.value {
            Fact::RdpFile { .. } => {
                out.text((Stage::RdpFile, FILE), Weight::Context, "read", id);
            }
            Fact::RdpFileAddress { host, port, .. } => {
                let text = format!("{host} port {port}");
                out.text((Stage::RdpFile, "address"), Weight::Identity, text, id);
            }
            Fact::RdpFileGateway { host, port, usage, .. } => {
                let text = format!("{host} port {port}, {}", word(usage));
                out.text((Stage::RdpFile, "gateway"), Weight::Matters, text, id);
            }
            Fact::RdpFileUser { user, domain, .. } => {
                let domain = domain.as_deref().map(|d| format!("{d}\\")).unwrap_or_default();
                let text = format!("{domain}{user}");
                out.text((Stage::RdpFile, "account"), Weight::Matters, text, id);
            }
            Fact::RdpFileSetting { setting, value, .. } => {
                let value = serde_json::to_value(value).unwrap_or_default();
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let name = format!("setting {setting}");
                out.text((Stage::RdpFile, &name), Weight::Matters, text, id);
            }
            Fact::RdpFileProblem { flaw, setting, .. } => {
                let of = setting.as_deref().map(|s| format!(" of {s}")).unwrap_or_default();
                let name = format!("problem {}{of}", word(flaw));
                out.text((Stage::RdpFile, &name), Weight::Matters, "there", id);
            }
            _ => {}
        }
    }
}

fn proxy(evidence: &Evidence<'_>, out: &mut Collector) {
    let chosen = evidence.all(|f| matches!(f, Fact::ProxyChosen { .. }).then_some(()));
    let name = (Stage::Proxy, "way");
    match chosen.first() {
        Some(seen) => {
            let text = format!("through the proxy {}", look::proxy(evidence).0);
            out.text(name, Weight::Matters, text, [seen.id()]);
        }
        None if evidence.tcp() != TcpResult::NotTried => {
            out.text(name, Weight::Matters, "straight", []);
        }
        None => {}
    }
}

/// What the system's resolver says, which decides the path.
fn resolved(evidence: &Evidence<'_>, out: &mut Collector) {
    for seen in evidence.all(Some) {
        match seen.value {
            Fact::NameResolved { addresses, .. } => {
                out.text((Stage::Dns, "name"), Weight::Matters, "has an address", [seen.id()]);
                for (name, wanted) in [("ipv4-addresses", true), ("ipv6-addresses", false)] {
                    let of = |address: &&IpAddr| address.is_ipv4() == wanted;
                    let set: BTreeSet<String> =
                        addresses.iter().filter(of).map(ToString::to_string).collect();
                    let text = list(&set);
                    let key = (Stage::Dns, name);
                    out.keyed(key, Weight::Identity, Key::Any(set), text, [seen.id()]);
                }
            }
            Fact::NameFailed { failure, .. } => {
                let text = match word(failure).as_str() {
                    "not-found" => "is not known".to_owned(),
                    "no-address" => "has no address".to_owned(),
                    other => format!("was not found: {other}"),
                };
                out.text((Stage::Dns, "name"), Weight::Matters, text, [seen.id()]);
            }
            _ => {}
        }
    }
}

/// What the DNS and the hosts file say beside it.
fn dns(evidence: &Evidence<'_>, out: &mut Collector) {
    for seen in evidence.all(Some) {
        match seen.value {
            Fact::HostsFile { entries, .. } => {
                let text = match entries {
                    Lookup::Seen { value } => {
                        format!("gives {}", list(&value.iter().map(ToString::to_string).collect()))
                    }
                    Lookup::Absent => "does not name the host".to_owned(),
                    Lookup::Unavailable { .. } => continue,
                };
                out.text((Stage::Dns, "hosts-file"), Weight::Identity, text, [seen.id()]);
            }
            Fact::DnsAnswer { record_type, outcome, addresses, .. }
                if *record_type != RecordType::Ptr =>
            {
                let name = format!("dns-answer {}", word(record_type));
                let set: BTreeSet<String> = addresses.iter().map(ToString::to_string).collect();
                let (key, text) = match outcome {
                    DnsOutcome::Records => (Key::Any(set.clone()), list(&set)),
                    // Nobody could ask, or nobody answered in time: that says nothing.
                    DnsOutcome::Timeout | DnsOutcome::Unavailable { .. } => continue,
                    DnsOutcome::NxDomain => plain("the name does not exist"),
                    DnsOutcome::NoData => plain("no record of this type"),
                    DnsOutcome::ServFail => plain("the server failed"),
                    DnsOutcome::Refused => plain("the server refused"),
                };
                out.keyed((Stage::Dns, &name), Weight::Identity, key, text, [seen.id()]);
            }
            Fact::ReverseName { names: Lookup::Seen { value }, .. } => {
                let set: BTreeSet<String> = value.iter().map(|n| n.to_lowercase()).collect();
                let text = list(&set);
                let name = (Stage::Dns, "reverse-name");
                out.keyed(name, Weight::Identity, Key::Any(set), text, [seen.id()]);
            }
            _ => {}
        }
    }
}

fn plain(text: &str) -> (Key, String) {
    (Key::Text(text.to_owned()), text.to_owned())
}
