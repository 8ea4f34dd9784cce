//! A filter says no.

use rdpdoctor_model::{CauseId, ConnectFailure, Stage};

use crate::causes::{advice, look};
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction, Severity, TcpResult};

/// `net.prohibited`
pub static CAUSE: Cause = Cause {
    id: CauseId("net.prohibited"),
    stage: Stage::Tcp,
    owner: Owner::Network,
    title: "A firewall forbids the connection to {host} port {port}, and says so",
    explanation: "The answer was not silence and not a refusal by the host: a filter reported that this connection is administratively prohibited.",
    excludes: &["name resolution", "certificate, password, account, licence: none was reached"],
    remedies: &[advice::ASK_NETWORK_TEAM],
    references: &[
        "RFC 9293 3.10.7",
        "RFC 792",
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/rdp-error-general-troubleshooting",
    ],
    client_shows: &[ClientCode { code: 0x204, extended: Some(0), proof: Proof::Likely }],
    more_specific_than: &[],
    reproduction: Reproduction::Test("network_prohibited"),
    next_tests: &[advice::FROM_ELSEWHERE],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let TcpResult::Failed(ConnectFailure::Prohibited, ids) = evidence.tcp() else { return None };
    let found = Match::new(Severity::Blocking, Proof::Proven, ids);
    Some(match look::icmp(evidence) {
        Some(icmp) => found.detailed(icmp.trim_start().to_owned()),
        None => found.detailed(
            "No ICMP message came with it: this machine's own firewall or routing forbids it.",
        ),
    })
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::ConnectFailure;

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn prohibited_is_not_refused() {
        let failed = |how| Scene::new().not_connected("10.0.0.1:3389", how).judge(&CAUSE);
        assert!(failed(ConnectFailure::Prohibited).is_some());
        assert_eq!(failed(ConnectFailure::Refused), None);
    }
}
