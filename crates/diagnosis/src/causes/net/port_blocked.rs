//! The host lives, the port is silent.

use rdpdoctor_model::{CauseId, ConnectFailure, Stage};

use crate::causes::{advice, look};
use crate::{
    Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity,
    TcpResult, Where,
};

/// `net.port-blocked`
pub static CAUSE: Cause = Cause {
    id: CauseId("net.port-blocked"),
    stage: Stage::Tcp,
    owner: Owner::Network,
    title: "{host} lives, but nothing answers on port {port}: it is filtered",
    explanation: "Packets to this port are dropped, while the host shows life elsewhere. A firewall on the host or on the way drops them; a port where merely nothing listens would have been refused.",
    excludes: &["name resolution", "certificate, password, account, licence: none was reached"],
    remedies: &[
        Remedy {
            id: "open-the-port-to-those-who-need-it",
            place: Where::Host,
            risk: Risk::Low,
            title: "Enable the built-in firewall rules, and let the network's firewall pass the client's network",
            steps: &[
                "PS> Get-NetFirewallRule -Name RemoteDesktop-UserMode-In-TCP | Select-Object Enabled, Profile; Get-NetConnectionProfile",
                "PS> Enable-NetFirewallRule -Name RemoteDesktop-UserMode-In-TCP, RemoteDesktop-UserMode-In-UDP",
                "In a network or cloud firewall allow TCP {port} from the client's network alone, never from the whole internet.",
            ],
            interrupts: "nothing",
            undo: &[
                "PS> Disable-NetFirewallRule -Name RemoteDesktop-UserMode-In-TCP, RemoteDesktop-UserMode-In-UDP",
            ],
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
    reproduction: Reproduction::Test("network_port_blocked"),
    next_tests: &[advice::FROM_ELSEWHERE, advice::ON_THE_HOST, advice::CLOUD_RULES],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let TcpResult::Failed(ConnectFailure::Timeout, mut ids) = evidence.tcp() else { return None };
    let alive = look::life(evidence).into_iter().find(|seen| seen.value.as_seen().is_some())?;
    ids.push(alive.id());
    let answer = alive.value.as_seen().map(String::as_str).unwrap_or_default();
    Some(
        Match::new(Severity::Blocking, Proof::Likely, ids)
            .detailed(format!("Its sign of life: {answer}.")),
    )
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{ConnectFailure, Lookup};

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn silence_beside_a_sign_of_life() {
        let silent = || Scene::new().not_connected("10.0.0.1:3389", ConnectFailure::Timeout);
        assert!(silent().life(Lookup::seen("echo reply".to_owned())).judge(&CAUSE).is_some());
        assert_eq!(silent().life(Lookup::Absent).judge(&CAUSE), None);
    }
}
