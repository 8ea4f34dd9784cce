//! Whether facts that were read on a machine are those of the machine that answered, or of the one that
//! asked.

use std::net::IpAddr;

use rdpdoctor_model::{Fact, JoinedBy, Source, Stage};

use crate::Evidence;
use crate::causes::look::{self, first_label};

/// MS-NLMP 2.2.2.1: a NetBIOS name has at most 15 characters.
const NETBIOS: usize = 15;

/// The provider that writes on the client's side.
const CLIENT: &str = "Microsoft-Windows-TerminalServices-ClientActiveXCore";

/// Whether it is the same machine, and what says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SameMachine {
    /// `None` where nothing tells.
    pub same: Option<bool>,
    /// What tells.
    pub by: Vec<JoinedBy>,
}

/// Holds facts of a host against what was seen of it, the surest sign first: the certificate itself, the
/// name that the host gives itself, the name in a certificate of its own, its address, the name that
/// was asked for.
pub fn same_machine(evidence: &Evidence<'_>, facts: &[Fact]) -> SameMachine {
    let certificate = holds_certificate(evidence, facts).then_some((JoinedBy::Certificate, true));
    let signs = [
        certificate,
        by_own_name(evidence, facts).map(|same| (JoinedBy::OwnName, same)),
        by_log(evidence, facts).map(|same| (JoinedBy::Computer, same)),
        by_certificate_name(evidence, facts).map(|same| (JoinedBy::CertificateName, same)),
        answers_on_its_address(evidence, facts).then_some((JoinedBy::HostAddress, true)),
        by_asked_name(evidence, facts).map(|same| (JoinedBy::AskedName, same)),
    ];
    first(signs)
}

/// The same of facts of a client: the name of the computer that wrote the client's log, the client's name
/// in the host's log, its address.
pub fn same_client(evidence: &Evidence<'_>, facts: &[Fact]) -> SameMachine {
    first([
        by_own_log(evidence, facts).map(|same| (JoinedBy::Computer, same)),
        by_client_name(evidence, facts).map(|same| (JoinedBy::ClientName, same)),
        asks_from_its_address(evidence, facts).then_some((JoinedBy::Address, true)),
    ])
}

/// The first sign decides; what says the same is told with it.
fn first<const SIGNS: usize>(signs: [Option<(JoinedBy, bool)>; SIGNS]) -> SameMachine {
    let signs: Vec<(JoinedBy, bool)> = signs.into_iter().flatten().collect();
    let same = signs.first().map(|(_, same)| *same);
    let by = signs.iter().filter(|(_, one)| Some(*one) == same).map(|(by, _)| *by).collect();
    SameMachine { same, by }
}

fn computer(facts: &[Fact]) -> Option<&str> {
    facts.iter().find_map(|fact| match fact {
        Fact::FactsOf(of) => of.computer.as_deref(),
        _ => None,
    })
}

/// Whether two names of computers may be one: with or without a domain, cut off as NetBIOS does.
fn same_name(a: &str, b: &str) -> bool {
    let (a, b) = (first_label(a), first_label(b));
    let cut = |name: &str| name.chars().take(NETBIOS).collect::<String>();
    let is_cut = a.chars().count() == NETBIOS || b.chars().count() == NETBIOS;
    a == b || (is_cut && cut(&a) == cut(&b))
}

fn holds_certificate(evidence: &Evidence<'_>, facts: &[Fact]) -> bool {
    let Some(shown) = evidence.server_certificate() else { return false };
    facts.iter().any(|fact| match fact {
        Fact::MachineCertificate(kept) => {
            kept.certificate.as_seen().is_some_and(|kept| kept.sha256 == shown.value.sha256)
        }
        _ => false,
    })
}

fn by_own_name(evidence: &Evidence<'_>, facts: &[Fact]) -> Option<bool> {
    let names = look::ntlm_names(evidence)?.value;
    let computer = computer(facts)?;
    let own = [names.dns, names.netbios].into_iter().flatten().filter(|name| !name.is_empty());
    own.map(|name| same_name(name, computer)).max()
}

/// The host's own log, where there is one.
fn by_log(evidence: &Evidence<'_>, facts: &[Fact]) -> Option<bool> {
    let (clients, all) = writers(evidence);
    let mut hosts = all.into_iter().filter(|name| !clients.contains(name));
    let last = || log_of_host(evidence);
    Some(same_name(hosts.next().or_else(last)?, computer(facts)?))
}

/// The client's own log, where there is one.
fn by_own_log(evidence: &Evidence<'_>, facts: &[Fact]) -> Option<bool> {
    let (clients, _) = writers(evidence);
    Some(same_name(clients.first()?, computer(facts)?))
}

/// The computers that wrote what only a client writes, and all that wrote something. A client's computer
/// writes other entries as well.
fn writers<'a>(evidence: &Evidence<'a>) -> (Vec<&'a str>, Vec<&'a str>) {
    let written = evidence.all(|fact| match fact {
        Fact::WindowsEvent(event) => Some((event.computer.as_deref()?, event.provider == CLIENT)),
        _ => None,
    });
    let written = written.iter().filter(|seen| seen.observation.source == Source::EventLog);
    let all: Vec<(&str, bool)> = written.map(|seen| seen.value).collect();
    let clients = all.iter().filter(|(_, client)| *client).map(|(name, _)| *name).collect();
    (clients, all.into_iter().map(|(name, _)| name).collect())
}

/// Whose log it is in which nothing is about Remote Desktop; a machine that was renamed bears its last
/// name.
fn log_of_host<'a>(evidence: &Evidence<'a>) -> Option<&'a str> {
    let logs = evidence.all(|fact| match fact {
        Fact::EventLog { computers, .. } => computers.last(),
        _ => None,
    });
    logs.iter().find(|seen| seen.observation.stage == Stage::Host).map(|seen| seen.value.as_str())
}

/// The host writes down how the client calls itself, and its own name where it signs the user in itself.
fn by_client_name(evidence: &Evidence<'_>, facts: &[Fact]) -> Option<bool> {
    let named = evidence.all(|fact| match fact {
        Fact::WindowsEvent(event) => {
            let name = event.workstation.as_deref().filter(|name| !name.is_empty())?;
            let own = event.computer.as_deref().is_some_and(|own| same_name(own, name));
            (!own).then_some(name)
        }
        _ => None,
    });
    let mut named = named.iter().filter(|seen| seen.observation.source == Source::EventLog);
    Some(same_name(named.next()?.value, computer(facts)?))
}

/// Whoever makes a certificate for itself writes its own name into it.
fn by_certificate_name(evidence: &Evidence<'_>, facts: &[Fact]) -> Option<bool> {
    let shown = evidence.server_certificate()?.value;
    let name = shown.subject_common_name.as_deref().filter(|_| shown.self_issued)?;
    Some(same_name(name, computer(facts)?))
}

/// Whether an adapter has the address that was connected to. One that it does not have may be that of
/// a translator; loopback is everybody's.
fn answers_on_its_address(evidence: &Evidence<'_>, facts: &[Fact]) -> bool {
    let remote = evidence.main_path(|fact| match fact {
        Fact::TcpConnected { remote, .. } | Fact::TcpFailed { remote, .. } => Some(remote.ip()),
        _ => None,
    });
    remote.iter().any(|seen| has_address(facts, seen.value))
}

/// Whether an adapter has the address that the connection came from.
fn asks_from_its_address(evidence: &Evidence<'_>, facts: &[Fact]) -> bool {
    let local = evidence.main_path(|fact| match fact {
        Fact::TcpConnected { local, .. } => Some(local.ip()),
        Fact::WindowsEvent(event) => event.address,
        _ => None,
    });
    local.iter().any(|seen| has_address(facts, seen.value))
}

fn has_address(facts: &[Fact], address: IpAddr) -> bool {
    let own = facts.iter().filter_map(|fact| match fact {
        Fact::NetworkAdapters { adapters } => adapters.as_seen(),
        _ => None,
    });
    let mut own = own.flatten().flat_map(|adapter| &adapter.addresses);
    !address.is_loopback() && own.any(|own| *own == address)
}

fn by_asked_name(evidence: &Evidence<'_>, facts: &[Fact]) -> Option<bool> {
    let asked = evidence.target.filter(|target| target.address().is_none())?;
    // Whoever asks for this machine goes through a tunnel as often as not.
    let own = asked.host.eq_ignore_ascii_case("localhost") || asked.host.is_empty();
    if own { None } else { Some(same_name(&asked.host, computer(facts)?)) }
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{
        Fact, FactsOf, FactsWay, JoinedBy, Lookup, NetworkAdapter, Stage, WindowsEvent,
    };

    use super::{same_client, same_machine};
    use crate::testing::{Scene, certificate};

    fn facts(computer: &str, address: &str) -> Vec<Fact> {
        let of = FactsOf {
            computer: Some(computer.to_owned()),
            collected_at: None,
            way: FactsWay::Script,
            elevated: None,
            missing_parts: Vec::new(),
        };
        let adapters = Lookup::seen(vec![NetworkAdapter {
            name: "Ethernet".to_owned(),
            description: String::new(),
            up: true,
            addresses: vec![address.parse().expect("an address")],
            category: None,
        }]);
        vec![Fact::FactsOf(of), Fact::NetworkAdapters { adapters }]
    }

    fn of(scene: &Scene, facts: &[Fact]) -> (Option<bool>, Vec<JoinedBy>) {
        let found = scene.with_evidence(|evidence| same_machine(evidence, facts));
        (found.same, found.by)
    }

    const ELSEWHERE: &str = "192.0.2.9";

    #[test]
    fn the_hosts_own_name_decides() {
        let scene = Scene::negotiated(2).challenge("PC42", "pc42.corp.example");
        assert_eq!(of(&scene, &facts("pc42", ELSEWHERE)).0, Some(true));
        // The name that was asked for may be an alias of another machine.
        let other = of(&scene, &facts("PC07", ELSEWHERE));
        assert_eq!((other.0, other.1.first()), (Some(false), Some(&JoinedBy::OwnName)));
        let long = Scene::negotiated(2).challenge("WORKSTATION-OFA", "");
        assert_eq!(of(&long, &facts("workstation-ofanna", ELSEWHERE)).0, Some(true));
    }

    #[test]
    fn the_asked_name_where_nothing_else_tells() {
        let dropped = Scene::new();
        let by_name = of(&dropped.target("pc42.corp.example"), &facts("PC42", ELSEWHERE));
        assert_eq!(by_name, (Some(true), vec![JoinedBy::AskedName]));
        let other = of(&Scene::new().target("pc42.corp.example"), &facts("PC07", ELSEWHERE));
        assert_eq!(other, (Some(false), vec![JoinedBy::AskedName]));
        assert_eq!(of(&Scene::new().target("localhost"), &facts("PC07", ELSEWHERE)).0, None);
        let address = Scene::new().target("10.0.0.1").connected("10.0.0.1:3389");
        assert_eq!(of(&address, &facts("PC42", ELSEWHERE)).0, None);
        let own = of(&address, &facts("PC42", "10.0.0.1"));
        assert_eq!(own, (Some(true), vec![JoinedBy::HostAddress]));
        let alias = Scene::new().target("rdp.corp.example").connected("10.0.0.1:3389");
        assert_eq!(of(&alias, &facts("PC42", "10.0.0.1")).0, Some(true));
        let loopback = Scene::new().target("127.0.0.1").connected("127.0.0.1:3389");
        assert_eq!(of(&loopback, &facts("PC42", "127.0.0.1")).0, None);
    }

    #[test]
    fn the_name_in_a_certificate_of_its_own_and_in_none_other() {
        let mut shown = certificate();
        shown.self_issued = true;
        shown.subject_common_name = Some("PC07.corp.example".to_owned());
        let scene = || Scene::negotiated(2).target("10.0.0.1");
        let own = of(&scene().certified(shown.clone(), &[18]), &facts("PC42", ELSEWHERE));
        assert_eq!(own, (Some(false), vec![JoinedBy::CertificateName]));
        shown.self_issued = false;
        assert_eq!(of(&scene().certified(shown, &[]), &facts("PC42", ELSEWHERE)).0, None);
    }

    #[test]
    fn who_wrote_a_log() {
        let event = |provider: &str| WindowsEvent {
            provider: provider.to_owned(),
            computer: Some("PC42.corp.example".to_owned()),
            ..WindowsEvent::default()
        };
        let scene =
            |provider| Scene::new().target("10.0.0.1").logged_at(0, Stage::Tcp, event(provider));
        assert_eq!(of(&scene("Schannel"), &facts("PC42", ELSEWHERE)).0, Some(true));
        assert_eq!(of(&scene("Schannel"), &facts("PC07", ELSEWHERE)).0, Some(false));
        assert_eq!(of(&scene(super::CLIENT), &facts("PC42", ELSEWHERE)).0, None);
        // What else a client's computer wrote is not the host's either.
        let both = scene("Schannel").logged_at(1, Stage::Client, event(super::CLIENT));
        assert_eq!(of(&both, &facts("PC42", ELSEWHERE)).0, None);
        let client = both.with_evidence(|e| same_client(e, &facts("PC42", ELSEWHERE)));
        assert_eq!((client.same, client.by), (Some(true), vec![JoinedBy::Computer]));
        let client = both.with_evidence(|e| same_client(e, &facts("PC07", ELSEWHERE)));
        assert_eq!(client.same, Some(false));
        // Entries that were collected say where they were collected, and no more.
        let collected = Scene::new().target("10.0.0.1").logged(Stage::Host, event("Schannel"));
        assert_eq!(of(&collected, &facts("PC07", ELSEWHERE)).0, None);
    }

    #[test]
    fn whose_client_it_is() {
        let of = |scene: &Scene, facts: &[Fact]| {
            let found = scene.with_evidence(|evidence| same_client(evidence, facts));
            (found.same, found.by)
        };
        let connected = Scene::new().connected("10.0.0.1:3389");
        let own = of(&connected, &facts("CLIENT7", "10.0.0.9"));
        assert_eq!(own, (Some(true), vec![JoinedBy::Address]));
        assert_eq!(of(&connected, &facts("CLIENT7", ELSEWHERE)).0, None, "perhaps translated");
        let named = |workstation: &str| WindowsEvent {
            provider: "Microsoft-Windows-Security-Auditing".to_owned(),
            workstation: Some(workstation.to_owned()),
            address: "10.0.0.9".parse().ok(),
            ..WindowsEvent::default()
        };
        let logged = |name| Scene::new().logged_at(0, Stage::Session, named(name));
        let both = vec![JoinedBy::ClientName, JoinedBy::Address];
        assert_eq!(of(&logged("CLIENT7"), &facts("client7", "10.0.0.9")), (Some(true), both));
        let other = (Some(false), vec![JoinedBy::ClientName]);
        assert_eq!(of(&logged("CLIENT8"), &facts("CLIENT7", "10.0.0.9")), other);
    }
}
