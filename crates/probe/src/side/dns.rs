//! What the DNS itself says, beside the system's resolver: the kind of the answer, the hosts file,
//! the reverse name.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::net::IpAddr;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::ResolveHosts;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{RData, RecordType as Asked};
use rdpdoctor_model::{DnsOutcome, Fact, Lookup, RecordType, Stage};
use tokio::time::{Instant, timeout};

use crate::context::Context;
use crate::stages::dns::millis;

/// The DNS client of a process.
pub(crate) type DnsClient = TokioResolver;

/// So much of a hosts file is read.
const LONGEST_HOSTS_FILE: u64 = 16 * 1024 * 1024;

/// So many of its entries for one name are kept.
const MOST_ENTRIES: usize = 16;

/// The names of this machine, short and as the system has it.
pub(crate) fn own_names() -> Vec<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("COMPUTERNAME").ok())
        .unwrap_or_default();
    let full = name.trim().to_owned();
    let short = full.split('.').next().unwrap_or_default().to_owned();
    BTreeSet::from([full, short]).into_iter().filter(|name| !name.is_empty()).collect()
}

/// Asks what the DNS and the hosts file say of the target's name.
pub(crate) async fn name(context: Context) {
    if context.target.is_address() {
        return;
    }
    hosts_file(&context);
    let name = context.target.host.clone();
    tokio::join!(
        forward(&context, &name, RecordType::A, Asked::A),
        forward(&context, &name, RecordType::Aaaa, Asked::AAAA),
    );
}

/// Asks for the names of an address.
pub(crate) async fn reverse_name(context: Context, address: IpAddr) {
    if !address.is_loopback() {
        reverse(&context, address).await;
    }
}

/// The process' DNS client.
pub(crate) fn client(context: &Context) -> Result<&DnsClient, String> {
    let made = context.dns.get_or_init(|| {
        let mut builder = TokioResolver::builder_tokio().map_err(|error| error.to_string())?;
        let options = builder.options_mut();
        options.use_hosts_file = ResolveHosts::Never;
        options.cache_size = 0;
        options.timeout = context.deadlines.dns / 2;
        options.attempts = 2;
        builder.build().map_err(|error| error.to_string())
    });
    made.as_ref().map_err(Clone::clone)
}

async fn forward(context: &Context, name: &str, record_type: RecordType, asked: Asked) {
    let begun = Instant::now();
    let (outcome, addresses, names) = match client(context) {
        Err(why) => (DnsOutcome::Unavailable { why }, Vec::new(), Vec::new()),
        Ok(dns) => match timeout(context.deadlines.dns, dns.lookup(name, asked)).await {
            Err(_) => (DnsOutcome::Timeout, Vec::new(), Vec::new()),
            Ok(Err(error)) => (outcome(&error), Vec::new(), Vec::new()),
            Ok(Ok(answer)) => {
                let (mut addresses, mut names) = (Vec::new(), Vec::new());
                for record in answer.answers().iter().take(32) {
                    match &record.data {
                        RData::A(a) => addresses.push(IpAddr::V4(a.0)),
                        RData::AAAA(a) => addresses.push(IpAddr::V6(a.0)),
                        RData::CNAME(to) => names.push(to.0.to_utf8()),
                        _ => {}
                    }
                }
                let outcome =
                    if addresses.is_empty() { DnsOutcome::NoData } else { DnsOutcome::Records };
                (outcome, addresses, names)
            }
        },
    };
    let name = name.to_owned();
    let elapsed_ms = millis(begun.elapsed());
    let fact = Fact::DnsAnswer { name, record_type, outcome, addresses, names, elapsed_ms };
    context.note(Stage::Dns, fact);
}

fn outcome(error: &NetError) -> DnsOutcome {
    let by_code = |code: &ResponseCode| match *code {
        ResponseCode::NXDomain => DnsOutcome::NxDomain,
        ResponseCode::NoError => DnsOutcome::NoData,
        ResponseCode::ServFail => DnsOutcome::ServFail,
        ResponseCode::Refused => DnsOutcome::Refused,
        other => DnsOutcome::Unavailable { why: other.to_string() },
    };
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => by_code(&none.response_code),
        NetError::Dns(DnsError::ResponseCode(code)) => by_code(code),
        NetError::Timeout => DnsOutcome::Timeout,
        other => DnsOutcome::Unavailable { why: other.to_string() },
    }
}

async fn reverse(context: &Context, address: IpAddr) {
    let names = match client(context) {
        Err(why) => Lookup::unavailable(why),
        Ok(dns) => match timeout(context.deadlines.dns, dns.reverse_lookup(address)).await {
            Err(_) => Lookup::unavailable("no DNS server answered"),
            Ok(Ok(answer)) => {
                let names = answer.answers().iter().take(16).filter_map(|r| match &r.data {
                    RData::PTR(name) => Some(name.0.to_utf8().trim_end_matches('.').to_owned()),
                    _ => None,
                });
                Lookup::seen(names.collect())
            }
            Ok(Err(error)) => match outcome(&error) {
                DnsOutcome::NxDomain | DnsOutcome::NoData => Lookup::Absent,
                _ => Lookup::unavailable(error.to_string()),
            },
        },
    };
    context.note(Stage::Dns, Fact::ReverseName { address, names });
}

fn hosts_file(context: &Context) {
    let file = if cfg!(windows) {
        let root = std::env::var("SystemRoot").unwrap_or_else(|_| "C:\\Windows".to_owned());
        format!("{root}\\System32\\drivers\\etc\\hosts")
    } else {
        "/etc/hosts".to_owned()
    };
    let name = context.target.host.clone();
    let mut lines = Vec::new();
    let entries = match read_at_most(&file, LONGEST_HOSTS_FILE) {
        Err(error) => Lookup::unavailable(error.to_string()),
        Ok(text) => {
            let (addresses, found): (Vec<_>, Vec<_>) =
                entries(&text, &name).into_iter().take(MOST_ENTRIES).unzip();
            lines = found;
            if addresses.is_empty() { Lookup::Absent } else { Lookup::seen(addresses) }
        }
    };
    context.note(Stage::Dns, Fact::HostsFile { name, file, entries, lines });
}

/// The beginning of a text file; lists against advertising make hosts files of megabytes.
fn read_at_most(file: &str, limit: u64) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(file)?.take(limit).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The addresses that a hosts file (hosts(5)) gives a name, with their lines. `hickory-resolver` reads these files
/// too, but then answers from them instead of from the DNS.
fn entries(text: &str, name: &str) -> Vec<(IpAddr, u32)> {
    let name = name.trim_end_matches('.');
    text.lines()
        .zip(1..)
        .filter_map(|(line, number)| {
            let mut fields = line.split('#').next()?.split_whitespace();
            let address = fields.next()?.parse().ok()?;
            fields.any(|field| field.eq_ignore_ascii_case(name)).then_some((address, number))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::entries;

    #[test]
    fn hosts_file_lines() {
        let text = "10.0.0.1 pc42 PC42.corp.example # old\n#10.0.0.2 pc42\nfd00::1\tpc42\nx pc42\n";
        let found: Vec<_> =
            entries(text, "pc42").iter().map(|(to, line)| format!("{line}: {to}")).collect();
        assert_eq!(found, ["1: 10.0.0.1", "3: fd00::1"]);
        assert!(entries(text, "pc4").is_empty());
    }
}
