use rdpdoctor_diagnosis::Evidence;
use rdpdoctor_model::{Fact, UdpReply};

use super::{duration, icmp_words};

/// What came for a SYN of RDP over UDP.
pub(super) fn words(evidence: &Evidence<'_>) -> Option<String> {
    let probes = evidence.all(|fact| match fact {
        Fact::UdpProbe { remote, tries, reply, elapsed_ms, .. } => {
            Some((remote.port(), *tries, reply, *elapsed_ms))
        }
        _ => None,
    });
    let (port, tries, reply, elapsed_ms) = probes.last()?.value;
    let took = duration(elapsed_ms);
    Some(match reply {
        UdpReply::SynAck { version, .. } => {
            let version = match version {
                Some(0x0101) => ", version 3".to_owned(),
                Some(version) => format!(", version {version}"),
                None => String::new(),
            };
            let again =
                if tries > 1 { format!(", at datagram {tries} only") } else { String::new() };
            format!("port {port} answers{version}{again}, after {took}")
        }
        UdpReply::Rejected { icmp, .. } => match icmp.as_seen() {
            Some(icmp) => format!("no UDP on port {port} ({})", icmp_words(icmp)),
            None => format!("no UDP on port {port}, says the system"),
        },
        UdpReply::Malformed { .. } => format!("port {port} answers with something else"),
        UdpReply::Silence => format!("port {port}: no answer to {tries} datagrams in {took}"),
        UdpReply::NotAwaited => return None,
    })
}
