//! The machine in front of the user has no network.

use rdpdoctor_model::{
    CauseId, Fact, InterfaceForm, Lookup, ObservationId, OwnInterface, ResolveFailure, Stage,
};

use crate::causes::{advice, own};
use crate::{
    Cause, ClientCode, Evidence, Match, NextTest, Owner, Proof, Remedy, Reproduction, Risk, Seen,
    Severity, TcpResult, Where,
};

/// `client.no-network`
pub static CAUSE: Cause = Cause {
    id: CauseId("client.no-network"),
    stage: Stage::Tcp,
    owner: Owner::Client,
    title: "This machine has no network",
    explanation: "No interface of this machine has a link and an address by which packets could leave it. The cable is out, the radio is off or not signed in, or no address was given (DHCP). Nothing was sent, so nothing is known of the host.",
    excludes: &["the host: nothing reached it", "certificate, password, account, licence"],
    remedies: &[
        Remedy {
            id: "bring-the-network-up",
            place: Where::Client,
            risk: Risk::Low,
            title: "See why no interface is up, and connect cable, radio or VPN",
            steps: &[
                "PS> Get-NetAdapter | Select-Object Name, Status, MediaConnectionState; Get-NetIPConfiguration",
                "PS> ipconfig /renew   (asks for an address again)",
                "Linux: $ ip -br address; ip route; nmcli device status",
                "Flight mode, the radio's switch and the cable come first; then the sign-in page of a guest network.",
            ],
            interrupts: "nothing: there is no network",
            undo: advice::NOTHING_TO_UNDO,
            verify: "rdpdoctor check {target} gets past 'network'",
        },
        Remedy {
            id: "enable-the-interface",
            place: Where::Client,
            risk: Risk::Low,
            title: "Switch a disabled interface on",
            steps: &[
                "PS> Get-NetAdapter | Where-Object Status -eq Disabled",
                "PS> Enable-NetAdapter -Name '<name>'",
                "Linux: $ ip link set <name> up",
            ],
            interrupts: "nothing",
            undo: &["PS> Disable-NetAdapter -Name '<name>'", "Linux: $ ip link set <name> down"],
            verify: "rdpdoctor check {target} gets past 'network'",
        },
    ],
    references: &["RFC 1122 3.3.1", "RFC 3927 1"],
    client_shows: &[ClientCode { code: 0x204, extended: Some(0), proof: Proof::Likely }],
    more_specific_than: &[
        CauseId("net.host-unreachable"),
        CauseId("net.no-answer"),
        CauseId("dns.resolver-failed"),
        CauseId("dns.name-not-found"),
        CauseId("dns.no-address"),
        CauseId("client.vpn-path"),
    ],
    reproduction: Reproduction::Test("own_no_network"),
    next_tests: &[NextTest {
        why: "on this machine: tells a missing network from a missing route to this host",
        command: "ip -br address; ip route    (Windows: ipconfig /all; route print)",
    }],
    rule,
};

/// Nothing connected, and no interface can carry anything. Where only parts of the machine itself are
/// connected with each other (containers, bridges), the missing way to the host says the rest.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let (stage, failed) = failure(evidence)?;
    let interfaces = own::interfaces(evidence)?;
    let mut cited = vec![interfaces.id()];
    cited.extend(failed);
    let usable: Vec<_> = interfaces.value.iter().filter(|own| own.is_usable()).collect();
    if usable.is_empty() {
        let found = Match::new(Severity::Blocking, Proof::Proven, cited).at_stage(stage);
        return Some(found.detailed(words(interfaces.value)));
    }
    let is_inner = |own: &&OwnInterface| own.form == InterfaceForm::Virtual;
    let has_hardware = interfaces.value.iter().any(|own| own.form == InterfaceForm::Hardware);
    let no_way = evidence.all(|fact| match fact {
        Fact::OwnRoute { way: Lookup::Absent, .. } => Some(()),
        _ => None,
    });
    if !has_hardware || no_way.is_empty() || !usable.iter().all(is_inner) {
        return None;
    }
    cited.extend(no_way.iter().map(Seen::id));
    let found = Match::new(Severity::Blocking, Proof::Likely, cited).at_stage(stage);
    Some(found.detailed(words(interfaces.value)))
}

/// What failed, where nothing was reached.
fn failure(evidence: &Evidence<'_>) -> Option<(Stage, Vec<ObservationId>)> {
    match evidence.tcp() {
        TcpResult::Connected => None,
        TcpResult::Failed(_, ids) => Some((Stage::Tcp, ids)),
        TcpResult::NotTried => {
            let failed = evidence.all(|fact| match fact {
                Fact::NameFailed { failure, .. } => {
                    (*failure != ResolveFailure::NoAddress).then_some(())
                }
                _ => None,
            });
            Some((Stage::Dns, vec![failed.last()?.id()]))
        }
    }
}

fn words(interfaces: &[OwnInterface]) -> String {
    let told: Vec<String> = interfaces
        .iter()
        .filter(|own| own.form != InterfaceForm::Virtual)
        .take(3)
        .map(|own| {
            let what = match own {
                OwnInterface { up: false, .. } => "is switched off",
                OwnInterface { carrier: false, .. } => "has no link",
                OwnInterface { .. } => "has no address that leads anywhere",
            };
            format!("{} {what}", own.interface)
        })
        .collect();
    match told.is_empty() {
        true => "It has no interface that leads to another machine.".to_owned(),
        false => format!("{}.", told.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{ConnectFailure, Fact, InterfaceForm, Lookup, ResolveFailure, Stage};

    use super::CAUSE;
    use crate::Proof;
    use crate::testing::Scene;

    const HARDWARE: InterfaceForm = InterfaceForm::Hardware;

    fn proof(scene: Scene) -> Option<Proof> {
        scene.judge(&CAUSE).map(|found| found.proof)
    }

    fn unreachable() -> Scene {
        Scene::new().not_connected("10.0.0.1:3389", ConnectFailure::NetworkUnreachable)
    }

    #[test]
    fn no_interface_that_carries() {
        let off = |scene: Scene| scene.own_interface("eth0", HARDWARE, false, &[]);
        assert_eq!(proof(off(unreachable())), Some(Proof::Proven));
        let unnamed = Scene::new().name_failed(ResolveFailure::ResolverFailed);
        assert_eq!(off(unnamed).judge(&CAUSE).and_then(|found| found.stage), Some(Stage::Dns));
        let given_by_nobody =
            unreachable().own_interface("eth0", HARDWARE, true, &["169.254.7.7", "fe80::1"]);
        assert_eq!(proof(given_by_nobody), Some(Proof::Proven));
    }

    #[test]
    fn a_network_without_a_way_to_the_host_is_another_matter() {
        let up = |scene: Scene| scene.own_interface("eth0", HARDWARE, true, &["10.1.0.2"]);
        assert_eq!(proof(up(unreachable())), None);
        // Nobody looked.
        assert_eq!(proof(unreachable()), None);
        let off = Scene::new().own_interface("eth0", HARDWARE, false, &[]);
        assert_eq!(proof(off.connected("10.0.0.1:3389")), None);
    }

    #[test]
    fn containers_alone_are_no_network() {
        let scene = |way: bool| {
            let scene = unreachable().own_interfaces(&[
                ("eth0", HARDWARE, false, &[]),
                ("docker0", InterfaceForm::Virtual, true, &["172.17.0.1"]),
            ]);
            let to = "10.0.0.1".parse().expect("an address");
            let absent = Fact::OwnRoute { to, way: Lookup::Absent };
            if way { scene } else { scene.fact(Stage::Client, absent) }
        };
        assert_eq!(proof(scene(false)), Some(Proof::Likely));
        assert_eq!(proof(scene(true)), None);
    }
}
