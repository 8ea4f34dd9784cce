//! Silence everywhere.

use rdpdoctor_model::{CauseId, ConnectFailure, Stage};

use crate::causes::{advice, look};
use crate::{
    Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Seen, Severity,
    TcpResult, Where,
};

/// `net.no-answer`
pub static CAUSE: Cause = Cause {
    id: CauseId("net.no-answer"),
    stage: Stage::Tcp,
    owner: Owner::Network,
    title: "{host} does not answer at all",
    explanation: "Neither the connection nor any other question was answered. The host is off or asleep, the address is wrong, the VPN is down, or a firewall drops everything.",
    excludes: &["name resolution", "certificate, password, account, licence: none was reached"],
    remedies: &[
        Remedy {
            id: "see-whether-it-runs",
            place: Where::Host,
            risk: Risk::Low,
            title: "See whether the host is on, awake, and has this address",
            steps: &[
                "At its console, hypervisor or cloud portal: is it running, and which address has it? PS> Get-NetIPAddress",
                "PS> powercfg /query SCHEME_CURRENT SUB_SLEEP   (does it go to sleep?)",
                "On the client: is the VPN up? PS> Get-NetRoute -DestinationPrefix 0.0.0.0/0; Test-Connection {host}",
            ],
            interrupts: "nothing",
            undo: advice::NOTHING_TO_UNDO,
            verify: "rdpdoctor check {target} gets past 'network'",
        },
        advice::ASK_NETWORK_TEAM,
    ],
    references: &[
        "RFC 9293 3.10.7",
        "RFC 792",
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/rdp-error-general-troubleshooting",
    ],
    client_shows: &[ClientCode { code: 0x204, extended: Some(0), proof: Proof::Likely }],
    more_specific_than: &[],
    reproduction: Reproduction::Test("network_no_answer"),
    next_tests: &[advice::FROM_ELSEWHERE, advice::CLOUD_RULES],
    rule,
};

/// Without a sign of life; where nobody could look for one it is only likely.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    if let Some(id) = look::proxy_waits(evidence) {
        let found = Match::new(Severity::Blocking, Proof::Possible, [id]);
        return Some(found.detailed("Nobody but the proxy could ask; it may still be waiting."));
    }
    let TcpResult::Failed(ConnectFailure::Timeout, mut ids) = evidence.tcp() else { return None };
    let signs = look::life(evidence);
    if signs.iter().any(|seen| seen.value.as_seen().is_some()) {
        return None;
    }
    let looked: Vec<_> = signs.iter().filter(|s| s.value.is_absent()).map(Seen::id).collect();
    if let Some(told) = look::by_proxy(evidence) {
        return Some(Match::new(Severity::Blocking, Proof::Likely, ids).detailed(told));
    }
    if looked.is_empty() {
        let found = Match::new(Severity::Blocking, Proof::Likely, ids);
        return Some(found.detailed("Nobody could look for other signs of life."));
    }
    ids.extend(looked);
    Some(Match::new(Severity::Blocking, Proof::Proven, ids))
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{ConnectFailure, Lookup, ProxyReply};

    use super::CAUSE;
    use crate::Proof;
    use crate::testing::Scene;

    #[test]
    fn a_proxy_that_waited_in_vain() {
        let scene = |code| Scene::new().proxy_answer(ProxyReply::SocksReply { code });
        let found = scene(6).judge(&CAUSE).expect("fits");
        assert_eq!(found.proof, Proof::Likely);
        assert_eq!(scene(4).judge(&CAUSE), None);
    }

    #[test]
    fn could_not_look_is_not_seen_to_be_absent() {
        let silent = || Scene::new().not_connected("10.0.0.1:3389", ConnectFailure::Timeout);
        let proof = |scene: Scene| scene.judge(&CAUSE).map(|m| m.proof);
        assert_eq!(proof(silent().life(Lookup::Absent)), Some(Proof::Proven));
        assert_eq!(proof(silent()), Some(Proof::Likely));
        assert_eq!(proof(silent().life(Lookup::seen("refused".to_owned()))), None);
    }
}
