//! The gateway's name, its address or its service is not there.

use rdpdoctor_model::{CauseId, ConnectFailure, Fact, Stage};

use crate::causes::{advice, at_gateway, look};
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `gateway.unreachable`
pub static CAUSE: Cause = Cause {
    id: CauseId("gateway.unreachable"),
    stage: Stage::Gateway,
    owner: Owner::Gateway,
    title: "The RD Gateway {gateway} cannot be reached",
    explanation: "The client did not come as far as a gateway: its name has no address, nothing answers on its port, or a web server in front of it says that the gateway behind it does not answer. The host behind the gateway was not asked anything.",
    excludes: &["the host itself, password, account, licence"],
    remedies: &[Remedy {
        id: "see-whether-the-gateway-runs",
        place: Where::Gateway,
        risk: Risk::Low,
        title: "See whether the gateway's service runs and its port is open",
        steps: &[
            "PS> Get-Service TSGateway, W3SVC",
            "PS> Get-NetTCPConnection -State Listen -LocalPort 443",
            "PS> Resolve-DnsName {gateway}",
            "Ask the network team whether TCP 443 to {gateway} is let through: $ rdpdoctor check {target} --gateway {gateway} --text network",
            "If the service is stopped: PS> Start-Service TSGateway",
        ],
        interrupts: "nothing",
        undo: &["PS> Stop-Service TSGateway"],
        verify: "rdpdoctor check {target} --gateway {gateway} gets past 'gateway'",
    }],
    references: &["MS-TSGU 3.3.5.1"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["gateway-unavailable"]),
    next_tests: &[advice::FROM_ELSEWHERE],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let unnamed = evidence.gateway(|fact| match fact {
        Fact::NameFailed { text, .. } => Some(format!("Its name cannot be resolved: {text}.")),
        _ => None,
    });
    if let Some(seen) = unnamed.last() {
        return Some(
            Match::new(Severity::Blocking, Proof::Proven, [seen.id()]).detailed(seen.value.clone()),
        );
    }
    let connected = evidence.gateway(|f| matches!(f, Fact::TcpConnected { .. }).then_some(()));
    let failed = evidence.gateway(|fact| match fact {
        Fact::TcpFailed { remote, failure, .. } => Some((*remote, *failure)),
        _ => None,
    });
    if let Some(first) = failed.first()
        && connected.is_empty()
    {
        let (remote, failure) = first.value;
        let ids = failed.iter().map(crate::Seen::id);
        let detail = format!("{remote}: {}.", words(failure));
        return Some(Match::new(Severity::Blocking, Proof::Proven, ids).detailed(detail));
    }
    by_proxy(evidence).or_else(|| at_gateway::by_status(evidence, CAUSE.id))
}

/// A proxy's word about its own connection to the gateway.
fn by_proxy(evidence: &Evidence<'_>) -> Option<Match> {
    crate::gateway_place(evidence.observations())?;
    let opened = evidence.gateway(|f| matches!(f, Fact::TunnelOpened { .. }).then_some(()));
    let said = look::proxy_answer(evidence).filter(|_| opened.is_empty())?;
    let failure = said.value.on_target()?;
    let detail = format!("The proxy on the way to it says: {}.", words(failure));
    Some(Match::new(Severity::Blocking, Proof::Proven, [said.id()]).detailed(detail))
}

fn words(failure: ConnectFailure) -> &'static str {
    match failure {
        ConnectFailure::Refused => "the port is refused",
        ConnectFailure::Reset => "the connection is reset while it is made",
        ConnectFailure::Timeout => "no answer at all",
        ConnectFailure::HostUnreachable | ConnectFailure::NetworkUnreachable => "no way there",
        ConnectFailure::Prohibited => "a firewall forbids it",
        ConnectFailure::Other => "the system could not connect",
    }
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{ConnectFailure, Fact, Lookup, ProxyReply, ResolveFailure};

    use super::CAUSE;
    use crate::Proof;
    use crate::causes::at_gateway::tests::{ByGateway as _, gateway};
    use crate::testing::Scene;

    fn refused(scene: Scene) -> Scene {
        let remote = "10.0.0.8:443".parse().expect("an address");
        let (failure, icmp) = (ConnectFailure::Refused, Lookup::Absent);
        let (os_error, elapsed_ms) = (None, 1.0);
        scene.fact_of_gateway(Fact::TcpFailed { remote, failure, icmp, os_error, elapsed_ms })
    }

    #[test]
    fn a_port_a_name_and_a_service() {
        let found = refused(gateway()).judge(&CAUSE).expect("fits");
        assert_eq!(found.proof, Proof::Proven);
        assert!(
            found.detail.is_some_and(|text| text.contains("10.0.0.8:443: the port is refused"))
        );
        let (name, failure) = ("gw.corp.example".to_owned(), ResolveFailure::NotFound);
        let text = "not known".to_owned();
        let unnamed = Fact::NameFailed { name, failure, text, elapsed_ms: 1.0 };
        assert!(gateway().fact_of_gateway(unnamed).judge(&CAUSE).is_some());
        let stopped = gateway().answered(503, false).stopped_at_gateway();
        assert!(stopped.judge(&CAUSE).is_some());
    }

    #[test]
    fn a_proxys_word_about_it() {
        let said = |code| gateway().proxy_answer(ProxyReply::SocksReply { code });
        assert_eq!(said(5).judge(&CAUSE).map(|found| found.proof), Some(Proof::Proven));
        assert_eq!(said(5).judge(&crate::causes::net::refused::CAUSE), None, "not the host's");
        // Its rules speak of itself; without a gateway it speaks of the host.
        assert_eq!(said(2).judge(&CAUSE), None);
        let host = Scene::new().proxy_answer(ProxyReply::SocksReply { code: 5 });
        assert_eq!(host.judge(&CAUSE), None);
    }

    #[test]
    fn near_misses() {
        let remote = "[fd00::8]:443".parse().expect("an address");
        let local = "[fd00::1]:50000".parse().expect("an address");
        let connected = Fact::TcpConnected { remote, local, round_trip_ms: 1.0 };
        let other_address = refused(gateway()).fact_of_gateway(connected);
        assert_eq!(other_address.judge(&CAUSE), None);
        assert_eq!(Scene::new().refused("10.0.0.1:3389").judge(&CAUSE), None, "the host itself");
        assert_eq!(gateway().answered(404, false).stopped_at_gateway().judge(&CAUSE), None);
    }
}
