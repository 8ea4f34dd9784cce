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

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Stage, StageOutcome};

    use super::*;
    use crate::testing::Scene;

    fn probed(scene: Scene, offered: Option<u16>, tries: u32, reply: UdpReply) -> Scene {
        let outcome = match reply {
            UdpReply::NotAwaited => StageOutcome::Skipped,
            _ => StageOutcome::Passed,
        };
        let remote = std::net::SocketAddr::from(([10, 20, 4, 42], 3389));
        let fact = Fact::UdpProbe { remote, offered, tries, reply, elapsed_ms: 1500.0 };
        scene.fact(Stage::Udp, fact).ended(Stage::Udp, outcome)
    }

    fn told(scene: Scene) -> String {
        let stages = scene.document().stages;
        let own = stages.into_iter().find(|stage| stage.stage == Stage::Udp);
        own.map_or_else(String::new, |stage| stage.detail)
    }

    fn answered(version: Option<u16>) -> UdpReply {
        UdpReply::SynAck { version, upstream_mtu: 1232, downstream_mtu: 1232 }
    }

    #[test]
    fn versions_by_their_names() {
        let words = |offered, version| told(probed(Scene::new(), offered, 1, answered(version)));
        let took = "after 1.5 s";
        assert_eq!(words(Some(2), Some(2)), format!("port 3389 answers, version 2, {took}"));
        assert_eq!(words(None, None), format!("port 3389 answers, {took}"));
        let third = words(Some(VERSION_3), Some(VERSION_3));
        assert_eq!(third, format!("port 3389 answers, version 3, {took}"));
        let lower = words(Some(VERSION_3), Some(2));
        assert_eq!(lower, format!("port 3389 answers, version 2 where 3 was offered, {took}"));
    }

    #[test]
    fn a_clause_for_each_handshake_that_says_something() {
        let both = |last| {
            let first = probed(Scene::new(), Some(2), 1, answered(Some(2)));
            told(probed(first, Some(VERSION_3), 3, last))
        };
        let (first, second) = (
            "port 3389 answers, version 2, after 1.5 s",
            "port 3389: no answer to 3 datagrams with the session's cookie in 1.5 s",
        );
        assert_eq!(both(UdpReply::Silence), format!("{first}; {second}"));
        assert_eq!(both(UdpReply::NotAwaited), first);
        assert_eq!(
            both(answered(Some(2))),
            format!(
                "{first}; port 3389 answers, version 2 where 3 was offered, at datagram 3 only, after 1.5 s"
            )
        );
    }
}
