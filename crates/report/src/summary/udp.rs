use rdpdoctor_diagnosis::Evidence;
use rdpdoctor_model::{Fact, UdpReply};

use super::{duration, icmp_words};

/// uUdpVer of version 3 (MS-RDPEUDP 2.2.2.9).
const VERSION_3: u16 = 0x0101;

/// What came for the SYNs of RDP over UDP, a clause a handshake.
pub(super) fn words(evidence: &Evidence<'_>) -> Option<String> {
    let probes = evidence.all(|fact| match fact {
        Fact::UdpProbe { remote, offered, tries, reply, elapsed_ms } => {
            handshake(remote.port(), *offered, *tries, reply, *elapsed_ms)
        }
        _ => None,
    });
    let mut clauses: Vec<String> = Vec::new();
    for seen in probes {
        if !clauses.contains(&seen.value) {
            clauses.push(seen.value);
        }
    }
    (!clauses.is_empty()).then(|| clauses.join("; "))
}

fn handshake(
    port: u16,
    offered: Option<u16>,
    tries: u32,
    reply: &UdpReply,
    elapsed_ms: f64,
) -> Option<String> {
    let took = duration(elapsed_ms);
    let cookie = if offered == Some(VERSION_3) { " with the session's cookie" } else { "" };
    Some(match reply {
        UdpReply::SynAck { version, .. } => {
            let lower = if offered == Some(VERSION_3) && *version != Some(VERSION_3) {
                " where 3 was offered"
            } else {
                ""
            };
            let version = version.map(|version| format!(", version {}", number(version)));
            let version = version.unwrap_or_default();
            let again =
                if tries > 1 { format!(", at datagram {tries} only") } else { String::new() };
            format!("port {port} answers{version}{lower}{again}, after {took}")
        }
        UdpReply::Rejected { icmp, .. } => match icmp.as_seen() {
            Some(icmp) => format!("no UDP on port {port} ({})", icmp_words(icmp)),
            None => format!("no UDP on port {port}, says the system"),
        },
        UdpReply::Malformed { .. } => format!("port {port} answers with something else"),
        UdpReply::Silence => {
            format!("port {port}: no answer to {tries} datagrams{cookie} in {took}")
        }
        UdpReply::NotAwaited => return None,
    })
}

/// The number of a version: that of the third is 0x0101 on the wire.
fn number(version: u16) -> u16 {
    if version == VERSION_3 { 3 } else { version }
}
