//! The hosts file overrides the DNS.

use rdpdoctor_model::{CauseId, DnsOutcome, Fact, Stage};

use crate::causes::look;
use crate::{
    Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, TcpResult, Where,
};

/// `dns.hosts-override`
pub static CAUSE: Cause = Cause {
    id: CauseId("dns.hosts-override"),
    stage: Stage::Dns,
    owner: Owner::Client,
    title: "The hosts file of this machine sends {host} elsewhere",
    explanation: "An entry in the hosts file comes before the DNS. It differs from what the DNS has, so this machine goes to another address than all others.",
    excludes: &["the DNS: it is not asked"],
    remedies: &[Remedy {
        id: "remove-the-entry",
        place: Where::Client,
        risk: Risk::Low,
        title: "Take the entry out of the hosts file",
        steps: &[
            "PS> Copy-Item C:\\Windows\\System32\\drivers\\etc\\hosts C:\\hosts.bak",
            "PS> notepad C:\\Windows\\System32\\drivers\\etc\\hosts   (as administrator; put # before the line with {host})",
        ],
        interrupts: "nothing",
        undo: &["PS> Copy-Item C:\\hosts.bak C:\\Windows\\System32\\drivers\\etc\\hosts"],
        verify: "rdpdoctor check {target} shows the DNS' address",
    }],
    references: &["https://learn.microsoft.com/en-us/windows-server/networking/dns/dns-overview"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::None(
        "would have to change this machine's hosts file; the rule's tests build its evidence",
    ),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let entry = look::hosts_entry(evidence)?;
    let dns = evidence.all(|fact| match fact {
        Fact::DnsAnswer { outcome: DnsOutcome::Records, addresses, .. } => Some(addresses),
        _ => None,
    });
    let differs = !dns.is_empty()
        && !dns.iter().any(|seen| seen.value.iter().any(|a| entry.value.contains(a)));
    if !differs {
        return None;
    }
    let connected = evidence.tcp() == TcpResult::Connected;
    let severity = if connected { Severity::Info } else { Severity::Warning };
    let found = Match::new(severity, Proof::Proven, [entry.id(), dns[0].id()]);
    Some(match &entry.observation.fact {
        Fact::HostsFile { file, lines, .. } if !lines.is_empty() => {
            let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
            found.detailed(format!("It is in {file}, line {}.", lines.join(", ")))
        }
        _ => found,
    })
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::DnsOutcome;

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn an_entry_that_agrees_with_the_dns_is_none() {
        let scene = || Scene::new().hosts_file(&["10.0.0.9"]).refused("10.0.0.9:3389");
        assert!(scene().dns_answer(DnsOutcome::Records, &["10.0.0.1"]).judge(&CAUSE).is_some());
        assert_eq!(scene().dns_answer(DnsOutcome::Records, &["10.0.0.9"]).judge(&CAUSE), None);
    }
}
