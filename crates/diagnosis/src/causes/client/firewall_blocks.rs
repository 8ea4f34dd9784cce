//! This machine's own firewall does not let the connection out.

use rdpdoctor_model::{CauseId, Fact, Lookup, OwnRule, RuleVerdict, Stage};

use crate::causes::own::{self, Failed};
use crate::{
    Cause, ClientCode, Evidence, Match, NextTest, Owner, Proof, Remedy, Reproduction, Risk, Seen,
    Severity, TcpResult, Where,
};

/// `client.firewall-blocks`
pub static CAUSE: Cause = Cause {
    id: CauseId("client.firewall-blocks"),
    stage: Stage::Tcp,
    owner: Owner::Client,
    title: "This machine's own firewall does not let the connection to port {port} out",
    explanation: "The connection was stopped before it left this machine: by a rule of its firewall, by a security product, or by a limit set for this program. Neither the network nor the host has seen it.",
    excludes: &[
        "the host and the network: nothing reached them",
        "certificate, password, account, licence",
    ],
    remedies: &[Remedy {
        id: "let-remote-desktop-out",
        place: Where::Client,
        risk: Risk::Medium,
        title: "Let connections to the host's port out, to that network alone",
        steps: &[
            "PS> Get-NetFirewallProfile | Select-Object Name, Enabled, DefaultOutboundAction",
            "PS> Get-NetFirewallRule -Direction Outbound -Action Block -Enabled True | Select-Object DisplayName, PolicyStoreSource",
            "PS> New-NetFirewallRule -Name rdp-out -DisplayName 'Remote Desktop out' -Direction Outbound -Protocol TCP -RemotePort {port} -RemoteAddress <network> -Action Allow",
            "A rule that blocks wins over one that allows: change that one where it is set (policy, security product).",
            "Linux: $ nft -a list ruleset   then before the rule that blocks: $ nft insert rule <family> <table> <chain> position <handle> ip daddr <network> tcp dport {port} accept",
        ],
        interrupts: "nothing",
        undo: &[
            "PS> Remove-NetFirewallRule -Name rdp-out",
            "Linux: $ nft delete rule <family> <table> <chain> handle <handle of the new rule>",
        ],
        verify: "rdpdoctor check {target} gets past 'network'",
    }],
    references: &[
        "RFC 1812 5.2.7.1",
        "https://learn.microsoft.com/en-us/windows/win32/winsock/windows-sockets-error-codes-2",
    ],
    client_shows: &[ClientCode { code: 0x204, extended: Some(0), proof: Proof::Likely }],
    more_specific_than: &[
        CauseId("net.no-answer"),
        CauseId("net.port-blocked"),
        CauseId("net.refused"),
        CauseId("net.prohibited"),
        CauseId("net.host-unreachable"),
        CauseId("client.vpn-path"),
    ],
    reproduction: Reproduction::Test("own_firewall_blocks"),
    next_tests: &[NextTest {
        why: "on this machine: names the rule that stops the connection",
        command: "nft -a list ruleset    (Windows: PS> Get-NetFirewallRule -Direction Outbound -Action Block -Enabled True)",
    }],
    rule,
};

/// EPERM (errno(3)): a filter of this machine said no to the program itself.
const EPERM: i32 = 1;

/// EACCES, which a route that prohibits gives as well, and WSAEACCES.
const EACCES: [i32; 2] = [13, 10013];

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let TcpResult::Failed(..) = evidence.tcp() else { return None };
    by_rule(evidence).or_else(|| by_own_word(evidence))
}

/// A rule states it.
fn by_rule(evidence: &Evidence<'_>) -> Option<Match> {
    let rules = evidence.all(|fact| match fact {
        Fact::OwnFirewall { to, rule: Lookup::Seen { value } } => Some((*to, value)),
        _ => None,
    });
    let failed = own::failed(evidence);
    rules.iter().find_map(|rule| {
        let failure = failed.iter().find(|failed| failed.value.remote == rule.value.0)?;
        let cited = [rule.id(), failure.id()];
        let found = Match::new(Severity::Blocking, Proof::Proven, cited);
        Some(found.detailed(words(rule.value.1)))
    })
}

fn words(rule: &OwnRule) -> String {
    let OwnRule { table, chain, handle, verdict } = rule;
    let does = match verdict {
        RuleVerdict::Drop => "drops",
        RuleVerdict::Reject => "rejects",
    };
    match handle {
        Some(handle) => {
            format!("nft: in the table {table} rule {handle} of chain {chain} {does} it.")
        }
        None => format!("nft: in the table {table} the policy of chain {chain} {does} it."),
    }
}

/// The system's own word: an error that nothing outside causes, or an ICMP message whose sender is
/// this machine. One that says "host unreachable" is no firewall's: nobody answered on the link.
fn by_own_word(evidence: &Evidence<'_>) -> Option<Match> {
    own::failed(evidence).iter().find_map(|failed| {
        let (proof, words) = word(evidence, failed)?;
        let found = Match::new(Severity::Blocking, proof, [failed.id()]);
        Some(found.detailed(words))
    })
}

fn word(evidence: &Evidence<'_>, failed: &Seen<'_, Failed<'_>>) -> Option<(Proof, &'static str)> {
    let Failed { icmp, os_error, remote, .. } = &failed.value;
    if let Some(icmp) = icmp {
        let refuses = match (icmp.ip_version, icmp.kind, icmp.code) {
            // RFC 792, RFC 1812 5.2.7.1; RFC 4443 3.1.
            (4, 3, code) => matches!(code, 3 | 9 | 10 | 13),
            (6, 1, code) => matches!(code, 1 | 4 | 5 | 6),
            _ => false,
        };
        let from = icmp.from.filter(|from| *from != remote.ip() && own::is_own(evidence, *from));
        return (refuses && from.is_some()).then_some((
            Proof::Proven,
            "The ICMP message that refused it came from this machine.",
        ));
    }
    match os_error {
        Some(code) if *code == EPERM => {
            Some((Proof::Proven, "The system did not permit it (EPERM)."))
        }
        Some(code) if EACCES.contains(code) => Some((
            Proof::Likely,
            "The system denied it without a message from the network; a route that prohibits does so as well.",
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use rdpdoctor_model::{ConnectFailure, Fact, Icmp, Lookup, OwnRule, RuleVerdict, Stage};

    use super::CAUSE;
    use crate::Proof;
    use crate::testing::Scene;

    fn proof(scene: Scene) -> Option<Proof> {
        scene.judge(&CAUSE).map(|found| found.proof)
    }

    fn failed(icmp: Lookup<Icmp>, os_error: Option<i32>) -> Scene {
        let remote = "10.0.0.1:3389".parse().expect("an address");
        let (failure, elapsed_ms) = (ConnectFailure::Prohibited, 1.0);
        let fact = Fact::TcpFailed { remote, failure, icmp, os_error, elapsed_ms };
        Scene::new().own_address("10.0.0.9").fact(Stage::Tcp, fact)
    }

    fn icmp(code: u8, from: &str) -> Lookup<Icmp> {
        let from: IpAddr = from.parse().expect("an address");
        Lookup::seen(Icmp { ip_version: 4, kind: 3, code, from: Some(from) })
    }

    #[test]
    fn a_rule_that_states_it() {
        let rule = OwnRule {
            table: "inet filter".to_owned(),
            chain: "output".to_owned(),
            handle: Some(7),
            verdict: RuleVerdict::Drop,
        };
        let seen = |to: &str, rule: Lookup<OwnRule>| {
            let to = to.parse().expect("an address");
            let silent = Scene::new().not_connected("10.0.0.1:3389", ConnectFailure::Timeout);
            silent.fact(Stage::Client, Fact::OwnFirewall { to, rule })
        };
        let found = seen("10.0.0.1:3389", Lookup::seen(rule.clone()));
        assert_eq!(proof(found), Some(Proof::Proven));
        assert_eq!(proof(seen("10.0.0.2:3389", Lookup::seen(rule))), None);
        assert_eq!(proof(seen("10.0.0.1:3389", Lookup::Absent)), None);
        assert_eq!(proof(seen("10.0.0.1:3389", Lookup::unavailable("not root"))), None);
    }

    #[test]
    fn the_systems_own_word() {
        assert_eq!(proof(failed(Lookup::Absent, Some(1))), Some(Proof::Proven));
        assert_eq!(proof(failed(Lookup::Absent, Some(13))), Some(Proof::Likely));
        assert_eq!(proof(failed(Lookup::Absent, Some(10013))), Some(Proof::Likely));
        assert_eq!(proof(failed(Lookup::Absent, Some(111))), None);
        assert_eq!(proof(failed(icmp(13, "10.0.0.9"), Some(113))), Some(Proof::Proven));
        // A router's word, and nobody at the address of one's own link.
        assert_eq!(proof(failed(icmp(13, "10.0.0.254"), Some(113))), None);
        assert_eq!(proof(failed(icmp(1, "10.0.0.9"), Some(113))), None);
    }
}
