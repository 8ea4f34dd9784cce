//! One address family is dead while the other is alive.

use rdpdoctor_model::{CauseId, ConnectFailure, Fact, Stage};

use crate::causes::advice;
use crate::{Cause, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `dns.broken-ipv6`
pub static CAUSE: Cause = Cause {
    id: CauseId("dns.broken-ipv6"),
    stage: Stage::Dns,
    owner: Owner::Network,
    title: "{host} has an address whose path is dead; the other address family works",
    explanation: "The name has addresses of both families, and the addresses of one family do not answer. A client that tries those first waits until it gives up on them.",
    excludes: &["the host's service: it answers on the other path"],
    remedies: &[advice::MEND_DNS, advice::ASK_NETWORK_TEAM],
    references: &["RFC 8305"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("network_broken_ipv6"),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let alive = evidence
        .main_path(|fact| match fact {
            Fact::TcpConnected { remote, .. } => Some(*remote),
            _ => None,
        })
        .into_iter()
        .next()?;
    let dead = evidence.all(|fact| match fact {
        Fact::TcpFailed { remote, failure, elapsed_ms, .. }
            if remote.is_ipv4() != alive.value.is_ipv4() && remote.port() == alive.value.port() =>
        {
            match failure {
                // No such route on this machine: it goes the other way at once.
                ConnectFailure::NetworkUnreachable | ConnectFailure::Other => None,
                ConnectFailure::Refused | ConnectFailure::Reset if remote.ip().is_loopback() => {
                    None
                }
                ConnectFailure::Timeout if *elapsed_ms < 900.0 => None,
                ConnectFailure::Timeout => Some((remote.is_ipv6(), Proof::Likely)),
                _ => Some((remote.is_ipv6(), Proof::Proven)),
            }
        }
        _ => None,
    });
    let first = dead.first()?;
    let (ipv6, proof) = first.value;
    let family = if ipv6 { "IPv6" } else { "IPv4" };
    let other = if ipv6 { "IPv4" } else { "IPv6" };
    let host = &evidence.target?.host;
    Some(
        Match::new(Severity::Warning, proof, [first.id(), alive.id()])
            .titled(format!("{host} does not answer over {family}; {other} works")),
    )
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::ConnectFailure;

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn a_dead_family_beside_a_live_one() {
        let dead = |failure| {
            Scene::new()
                .connected("10.0.0.1:3389")
                .not_connected("[fd00::1]:3389", failure)
                .judge(&CAUSE)
        };
        assert!(dead(ConnectFailure::HostUnreachable).is_some());
        assert_eq!(dead(ConnectFailure::NetworkUnreachable), None);
        assert_eq!(Scene::new().connected("10.0.0.1:3389").judge(&CAUSE), None);
    }
}
