//! No route, or nobody at that address.

use rdpdoctor_model::{CauseId, ConnectFailure, Stage};

use crate::causes::{advice, look};
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction, Severity, TcpResult};

/// `net.host-unreachable`
pub static CAUSE: Cause = Cause {
    id: CauseId("net.host-unreachable"),
    stage: Stage::Tcp,
    owner: Owner::Network,
    title: "There is no way to {host} from here",
    explanation: "A router, or this machine itself, says that the host or its network cannot be reached. Nothing is known about the Remote Desktop service.",
    excludes: &["name resolution", "certificate, password, account, licence: none was reached"],
    remedies: &[advice::ASK_NETWORK_TEAM, advice::CHECK_NAME_AT_CLIENT],
    references: &[
        "RFC 9293 3.10.7",
        "RFC 792",
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/rdp-error-general-troubleshooting",
    ],
    client_shows: &[ClientCode { code: 0x204, extended: Some(0), proof: Proof::Likely }],
    more_specific_than: &[],
    reproduction: Reproduction::Test("network_host_unreachable"),
    next_tests: &[advice::FROM_ELSEWHERE],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let TcpResult::Failed(failure, ids) = evidence.tcp() else { return None };
    let detail = match failure {
        ConnectFailure::NetworkUnreachable => {
            "This machine or a router has no route to that network."
        }
        ConnectFailure::HostUnreachable => {
            "Either nobody on the host's own link answers for its address, or a router reports it unreachable."
        }
        _ => return None,
    };
    if let Some(told) = look::by_proxy(evidence) {
        return Some(Match::new(Severity::Blocking, Proof::Likely, ids).detailed(told));
    }
    let icmp = look::icmp(evidence).unwrap_or_default();
    Some(Match::new(Severity::Blocking, Proof::Proven, ids).detailed(format!("{detail}{icmp}")))
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{ConnectFailure, ProxyReply};

    use super::CAUSE;
    use crate::Proof;
    use crate::testing::Scene;

    #[test]
    fn by_a_proxy_it_is_likely() {
        let scene = |code| Scene::new().proxy_answer(ProxyReply::SocksReply { code });
        for code in [3, 4] {
            assert_eq!(scene(code).judge(&CAUSE).map(|m| m.proof), Some(Proof::Likely));
        }
        assert_eq!(scene(5).judge(&CAUSE), None);
    }

    #[test]
    fn unreachable_is_not_silence() {
        let failed = |how| Scene::new().not_connected("10.0.0.1:3389", how).judge(&CAUSE);
        assert!(failed(ConnectFailure::HostUnreachable).is_some());
        assert!(failed(ConnectFailure::NetworkUnreachable).is_some());
        assert_eq!(failed(ConnectFailure::Timeout), None);
    }
}
