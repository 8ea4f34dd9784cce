//! The network counts as public, and Remote Desktop is let in from others only.

use rdpdoctor_model::{CauseId, Fact, FirewallProfile, NetworkAdapter, Stage};

use crate::host_view::inbound::{Firewall, Inbound, Why};
use crate::host_view::leading;
use crate::machine::Machine;
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Severity, Where};

/// `host.network-public`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.network-public"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "{host} takes its network for a public one, where Remote Desktop is not let in",
    explanation: "The firewall's rules for Remote Desktop hold in private and domain networks only, and Windows counts the network it is in as public. It does so with every new network, and in a domain's when it found no domain controller at start.",
    excludes: &["password, account, licence, certificate"],
    remedies: &[
        Remedy {
            id: "say-that-it-is-private",
            place: Where::Host,
            risk: Risk::Medium,
            title: "If the network is one you trust, say so",
            steps: &[
                "PS> Get-NetConnectionProfile   (which networks, and of which category)",
                "In a domain's network, find why no domain controller answers first: PS> nltest /dsgetdc:<domain> /force",
                "PS> Restart-Service NlaSvc -Force   (Windows then looks again; on Windows 11 the service is netprofm)",
                "Only in a network that you trust: PS> Set-NetConnectionProfile -InterfaceAlias <adapter> -NetworkCategory Private",
            ],
            interrupts: "nothing; every rule for private networks counts from then on",
            undo: &[
                "PS> Set-NetConnectionProfile -InterfaceAlias <adapter> -NetworkCategory Public",
            ],
            verify: "rdpdoctor check {target} gets past 'network'",
        },
        Remedy {
            id: "let-some-in",
            place: Where::Host,
            risk: Risk::Medium,
            title: "Or let in Remote Desktop from the addresses that need it, in any network",
            steps: &[
                "PS> New-NetFirewallRule -Name RDP-FromHere -DisplayName 'Remote Desktop from known addresses' -Direction Inbound -Protocol TCP -LocalPort {port} -Service TermService -RemoteAddress <addresses> -Action Allow -Profile Public",
            ],
            interrupts: "nothing",
            undo: &["PS> Remove-NetFirewallRule -Name RDP-FromHere"],
            verify: "rdpdoctor check {target} gets past 'network' from one of them",
        },
    ],
    references: &[
        "https://learn.microsoft.com/en-us/powershell/module/netconnection/set-netconnectionprofile",
        "MS-GPFAS 2.2.2.19",
    ],
    client_shows: &[],
    more_specific_than: &[
        CauseId("host.firewall-blocks"),
        CauseId("net.no-answer"),
        CauseId("net.port-blocked"),
    ],
    reproduction: Reproduction::Test("host_facts"),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let firewall = Firewall::of(evidence);
    let current = firewall.current();
    if !current.contains(&FirewallProfile::Public) {
        return None;
    }
    let Inbound::Blocked(ruling) = firewall.judge(FirewallProfile::Public) else { return None };
    if ruling.why != Why::NoRule || !firewall.lets_in_elsewhere(FirewallProfile::Public) {
        return None;
    }
    let adapters = host.last(|fact| match fact {
        Fact::NetworkAdapters { adapters } => adapters.as_seen(),
        _ => None,
    })?;
    let public: Vec<&str> =
        adapters.value.iter().filter(|one| is_public(one)).map(|one| one.name.as_str()).collect();
    let names: String = public.join(", ").chars().filter(|c| !c.is_control()).take(120).collect();
    let alone = current.len() == 1;
    let severity = if alone { Severity::Blocking } else { Severity::Warning };
    let ids = std::iter::once(adapters.id()).chain(ruling.ids);
    let found = Match::new(severity, ruling.proof, ids)
        .detailed(format!("It is behind the adapter {names}."));
    Some(if alone { leading(evidence, &CAUSE, found) } else { found })
}

fn is_public(adapter: &NetworkAdapter) -> bool {
    adapter.up
        && adapter.category.and_then(FirewallProfile::of_category) == Some(FirewallProfile::Public)
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::causes::host::firewall_blocks;
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    const TRUSTED: &str = "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|Profile=Private|LPort=3389|Name=x|";
    const NAME: &str = "RemoteDesktop-UserMode-In-TCP";

    #[test]
    fn a_rule_that_is_not_for_public_networks() {
        let public = Scene::new().firewall(&[(NAME, TRUSTED)]).network(0);
        let found = public.judge(&CAUSE).expect("it is public");
        assert_eq!((found.severity, found.proof), (Severity::Blocking, Proof::Proven));
        assert_eq!(public.judge(&firewall_blocks::CAUSE), None, "one cause is enough");
    }

    #[test]
    fn near_misses() {
        let private = Scene::new().firewall(&[(NAME, TRUSTED)]).network(1);
        assert_eq!(private.judge(&CAUSE), None);
        let everywhere = TRUSTED.replace("Profile=Domain|Profile=Private|", "");
        let open = Scene::new().firewall(&[(NAME, &everywhere)]).network(0);
        assert_eq!(open.judge(&CAUSE), None);
        let nowhere = TRUSTED.replace("TRUE", "FALSE");
        let closed = Scene::new().firewall(&[(NAME, &nowhere)]).network(0);
        assert_eq!(closed.judge(&CAUSE), None, "it is let in from nowhere: another cause");
        assert!(closed.judge(&firewall_blocks::CAUSE).is_some());
        assert_eq!(Scene::new().firewall(&[(NAME, TRUSTED)]).judge(&CAUSE), None);
    }
}
