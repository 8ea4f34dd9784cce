//! A VPN stands in the way to the host, or does not where it should.

use std::net::IpAddr;

use rdpdoctor_model::{
    CauseId, ConnectFailure, Fact, InterfaceForm, Lookup, OwnInterface, OwnWay, Stage,
};

use crate::causes::own::{self, Failed};
use crate::causes::{advice, look};
use crate::{
    Cause, ClientCode, Evidence, Match, NextTest, Owner, Proof, Remedy, Reproduction, Risk, Seen,
    Severity, TcpResult, Where,
};

/// `client.vpn-path`
pub static CAUSE: Cause = Cause {
    id: CauseId("client.vpn-path"),
    stage: Stage::Tcp,
    owner: Owner::Client,
    title: "The way to {host} and this machine's VPN do not fit together",
    explanation: "A VPN decides which networks are reached through it. The host lies behind one that does not carry the connection, or a VPN that should lead there is not up or does not include the host's network.",
    excludes: &["certificate, password, account, licence: none was reached"],
    remedies: &[
        Remedy {
            id: "connect-the-vpn-again",
            place: Where::Client,
            risk: Risk::Low,
            title: "Disconnect the VPN and connect it again, or connect the one that leads to the host",
            steps: &[
                "PS> Get-VpnConnection | Select-Object Name, ConnectionStatus, SplitTunneling",
                "PS> Find-NetRoute -RemoteIPAddress {host} | Select-Object InterfaceAlias, NextHop",
                "Linux: $ ip route get <address>; wg show   (latest handshake)",
            ],
            interrupts: "what goes through the VPN",
            undo: advice::NOTHING_TO_UNDO,
            verify: "rdpdoctor check {target} gets past 'network'",
        },
        Remedy {
            id: "route-the-network-into-the-vpn",
            place: Where::Network,
            risk: Risk::Medium,
            title: "Let the VPN's administrator add the host's network to the routes that it gives",
            steps: &[
                "As a test on this machine: PS> New-NetRoute -DestinationPrefix <network> -InterfaceAlias '<VPN>' -PolicyStore ActiveStore",
                "For good it belongs into the VPN's own settings (AllowedIPs, push route, split-include list).",
            ],
            interrupts: "nothing",
            undo: &[
                "PS> Remove-NetRoute -DestinationPrefix <network> -InterfaceAlias '<VPN>' -Confirm:$false",
            ],
            verify: "rdpdoctor check {target} gets past 'network'",
        },
    ],
    references: &[
        "RFC 1918",
        "https://learn.microsoft.com/en-us/windows-server/remote/remote-access/vpn/vpn-top",
    ],
    client_shows: &[ClientCode { code: 0x204, extended: Some(0), proof: Proof::Possible }],
    more_specific_than: &[CauseId("net.host-unreachable"), CauseId("net.no-answer")],
    reproduction: Reproduction::Test("own_vpn_path"),
    next_tests: &[NextTest {
        why: "once with and once without the VPN: tells its path from the host's",
        command: "rdpdoctor check {target}",
    }],
    rule,
};

/// ENOKEY and EDESTADDRREQ (errno(3)): WireGuard has no peer for the address, or none with a place.
const NO_PEER: [i32; 2] = [126, 89];

/// Whoever shows life is reached.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    if evidence.tcp() == TcpResult::Connected
        || look::life(evidence).iter().any(|seen| seen.value.as_seen().is_some())
    {
        return None;
    }
    let failed = own::failed(evidence);
    failed
        .iter()
        .find_map(|failed| through(evidence, failed).or_else(|| past(evidence, failed)))
        .or_else(|| down(evidence))
}

/// The way leads through a tunnel, and nothing came back.
fn through(evidence: &Evidence<'_>, failed: &Seen<'_, Failed<'_>>) -> Option<Match> {
    let seen = own::way(evidence, failed.value.remote.ip())?;
    let way = tunnel(seen.value)?;
    let name = &way.interface;
    let own_word = failed.value.icmp.and_then(|icmp| icmp.from);
    match own_word {
        Some(from) if own::is_own(evidence, from) => {
            let found = Match::new(Severity::Blocking, Proof::Proven, [failed.id(), seen.id()]);
            return Some(found.detailed(format!(
                "The way leads through {name}, and that tunnel's end on this machine sent the packet back: it leads to nobody for this address."
            )));
        }
        // Somebody behind the tunnel answered.
        Some(_) => return None,
        None => {}
    }
    if failed.value.os_error.is_some_and(|code| NO_PEER.contains(&code)) {
        let found = Match::new(Severity::Blocking, Proof::Proven, [failed.id(), seen.id()]);
        return Some(found.detailed(format!("{name} has no peer for this address.")));
    }
    if !silent(&failed.value) {
        return None;
    }
    if let Some(interfaces) = own::interfaces(evidence)
        && interfaces.value.iter().any(|own| own.interface == *name && !(own.up && own.carrier))
    {
        let cited = [failed.id(), seen.id(), interfaces.id()];
        let found = Match::new(Severity::Blocking, Proof::Proven, cited);
        return Some(found.detailed(format!(
            "The way leads through {name}, whose program does not run: what goes in comes out nowhere."
        )));
    }
    let found = Match::new(Severity::Warning, Proof::Possible, [failed.id(), seen.id()]);
    Some(found.detailed(format!(
        "The way leads through {name}, a VPN or another tunnel, and nothing came back. A host that is off looks the same."
    )))
}

/// A private address is asked for past a tunnel that is up.
fn past(evidence: &Evidence<'_>, failed: &Seen<'_, Failed<'_>>) -> Option<Match> {
    let address = failed.value.remote.ip();
    let seen = own::way(evidence, address)?;
    let way = seen.value.as_seen()?;
    let interfaces = own::interfaces(evidence)?;
    let tunnel = interfaces.value.iter().find(|own| is_tunnel(own) && own.is_usable())?;
    if !own::is_private(address) || way.form == InterfaceForm::Tunnel || way.gateway.is_none() {
        return None;
    }
    let cited = [failed.id(), seen.id(), interfaces.id()];
    let detail = format!(
        "The address is a private one and the way to it leads through {}, past {}.",
        way.interface, tunnel.interface
    );
    let told_by = failed.value.icmp.and_then(|icmp| icmp.from);
    // A router of the internet says that it knows no such network.
    let found = if told_by.is_some_and(|from| !is_local(evidence, from)) {
        Match::new(Severity::Blocking, Proof::Likely, cited)
    } else if silent(&failed.value) || told_by.is_some() {
        Match::new(Severity::Warning, Proof::Possible, cited)
    } else {
        return None;
    };
    Some(found.detailed(detail))
}

/// A tunnel is there and not up, and a private address or an unknown name was asked for.
fn down(evidence: &Evidence<'_>) -> Option<Match> {
    let interfaces = own::interfaces(evidence)?;
    if interfaces.value.iter().any(|own| is_tunnel(own) && own.is_usable()) {
        return None;
    }
    let tunnel = interfaces.value.iter().find(|own| is_tunnel(own))?;
    let name = evidence.all(|fact| matches!(fact, Fact::NameFailed { .. }).then_some(()));
    let failed = own::failed(evidence);
    let private = failed.iter().find(|failed| {
        let address = failed.value.remote.ip();
        let beyond = own::way(evidence, address)
            .is_some_and(|way| way.value.as_seen().is_none_or(|way| way.gateway.is_some()));
        let refused = failed.value.icmp.is_none() && !silent(&failed.value);
        own::is_private(address) && beyond && !refused
    });
    let (stage, id) = match (name.last(), private) {
        (Some(name), None) if failed.is_empty() => (Stage::Dns, name.id()),
        (_, Some(failed)) => (Stage::Tcp, failed.id()),
        _ => return None,
    };
    let found = Match::new(Severity::Warning, Proof::Possible, [interfaces.id(), id]);
    Some(found.at_stage(stage).detailed(format!(
        "{} is there and not connected; the host may lie behind it.",
        tunnel.interface
    )))
}

/// Nobody answered anything to this attempt, neither the host nor a router.
fn silent(failed: &Failed<'_>) -> bool {
    use ConnectFailure::{HostUnreachable, NetworkUnreachable, Timeout};
    failed.icmp.is_none()
        && matches!(failed.failure, Timeout | HostUnreachable | NetworkUnreachable)
}

fn tunnel(way: &Lookup<OwnWay>) -> Option<&OwnWay> {
    way.as_seen().filter(|way| way.form == InterfaceForm::Tunnel)
}

fn is_tunnel(own: &OwnInterface) -> bool {
    own.form == InterfaceForm::Tunnel
}

fn is_local(evidence: &Evidence<'_>, address: IpAddr) -> bool {
    own::is_private(address) || own::is_own(evidence, address)
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{
        ConnectFailure, Fact, Icmp, InterfaceForm, Lookup, ResolveFailure, Stage,
    };

    use super::CAUSE;
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    const TUNNEL: InterfaceForm = InterfaceForm::Tunnel;
    const HARDWARE: InterfaceForm = InterfaceForm::Hardware;

    fn judged(scene: Scene) -> Option<(Severity, Proof)> {
        scene.judge(&CAUSE).map(|found| (found.severity, found.proof))
    }

    const POSSIBLE: Option<(Severity, Proof)> = Some((Severity::Warning, Proof::Possible));
    const LIKELY: Option<(Severity, Proof)> = Some((Severity::Blocking, Proof::Likely));
    const PROVEN: Option<(Severity, Proof)> = Some((Severity::Blocking, Proof::Proven));

    fn silent() -> Scene {
        Scene::new().not_connected("10.0.0.1:3389", ConnectFailure::Timeout)
    }

    fn told_by(from: &str) -> Scene {
        let remote = "10.0.0.1:3389".parse().expect("an address");
        let from = Some(from.parse().expect("an address"));
        let icmp = Lookup::seen(Icmp { ip_version: 4, kind: 3, code: 1, from });
        let (failure, os_error) = (ConnectFailure::HostUnreachable, Some(113));
        let fact = Fact::TcpFailed { remote, failure, icmp, os_error, elapsed_ms: 1.0 };
        Scene::new().own_address("10.9.0.2").fact(Stage::Tcp, fact)
    }

    #[test]
    fn silence_through_a_tunnel() {
        let through = |scene: Scene| scene.own_way("10.0.0.1", "wg0", TUNNEL, None);
        assert_eq!(judged(through(silent())), POSSIBLE);
        // The host lives, so the tunnel leads there.
        let alive = through(silent()).life(Lookup::seen("echo reply".to_owned()));
        assert_eq!(judged(alive), None);
        assert_eq!(judged(through(Scene::new().refused("10.0.0.1:3389"))), None);
        assert_eq!(judged(silent().own_way("10.0.0.1", "eth0", HARDWARE, Some("10.9.0.1"))), None);
    }

    #[test]
    fn a_tunnel_that_leads_nowhere() {
        let through = |scene: Scene| scene.own_way("10.0.0.1", "wg0", TUNNEL, None);
        assert_eq!(judged(through(told_by("10.9.0.2"))), PROVEN);
        assert_eq!(judged(through(told_by("10.9.0.1"))), None);
        let stopped = through(silent()).own_interface("wg0", TUNNEL, false, &["10.9.0.2"]);
        assert_eq!(judged(stopped), PROVEN);
    }

    #[test]
    fn past_a_tunnel() {
        let past = |scene: Scene, gateway| {
            scene
                .own_interface("wg0", TUNNEL, true, &["10.9.0.2"])
                .own_way("10.0.0.1", "eth0", HARDWARE, gateway)
        };
        assert_eq!(judged(past(silent(), Some("192.168.1.1"))), POSSIBLE);
        assert_eq!(judged(past(told_by("198.51.100.1"), Some("192.168.1.1"))), LIKELY);
        assert_eq!(judged(past(told_by("192.168.1.1"), Some("192.168.1.1"))), POSSIBLE);
        // On the own link no VPN is wanted.
        assert_eq!(judged(past(silent(), None)), None);
        assert_eq!(judged(past(Scene::new().refused("10.0.0.1:3389"), Some("192.168.1.1"))), None);
    }

    #[test]
    fn a_tunnel_that_is_down() {
        let down = |scene: Scene| scene.own_interface("wg0", TUNNEL, false, &[]);
        assert_eq!(judged(down(Scene::new().name_failed(ResolveFailure::NotFound))), POSSIBLE);
        let away = |scene: Scene| scene.own_way("10.0.0.1", "eth0", HARDWARE, Some("192.168.1.1"));
        assert_eq!(judged(down(away(silent()))), POSSIBLE);
        assert_eq!(judged(down(silent().own_way("10.0.0.1", "eth0", HARDWARE, None))), None);
        assert_eq!(judged(away(silent())), None);
    }
}
