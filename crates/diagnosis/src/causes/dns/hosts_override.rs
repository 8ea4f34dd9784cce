//! The hosts file overrides the DNS.

use rdpdoctor_model::{CauseId, DnsOutcome, Fact, Stage};

use crate::causes::look;
use crate::machine::Machine;
use crate::machine_facts::OWN_CLIENT;
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
    differing(evidence).or_else(|| known_computer(evidence))
}

/// An entry for a computer to which this client connects, by what it keeps. Without the DNS' answer
/// it is worth knowing, no more.
fn known_computer(evidence: &Evidence<'_>) -> Option<Match> {
    let client = Machine::client(evidence);
    let file = client.last(|fact| match fact {
        Fact::WindowsHosts(hosts) => hosts.entries.as_seen(),
        _ => None,
    })?;
    let known = computers(&client);
    let (name, address) = file.value.iter().find_map(|entry| {
        let name = entry
            .host_names
            .iter()
            .find(|name| known.iter().any(|computer| computer.eq_ignore_ascii_case(name)))?;
        Some((name, entry.address))
    })?;
    let name: String = name.chars().take(80).collect();
    Some(
        Match::new(Severity::Info, Proof::Proven, [file.id()])
            .at_stage(Stage::Client)
            .titled(format!("The hosts file of this machine names {name}, to which it connects"))
            .detailed(format!("There it is {address}; rdpdoctor check compares it with the DNS.")),
    )
}

/// The computers that the client remembers: the last one, those with a user, those with credentials,
/// and that of its own settings.
fn computers(client: &Machine<'_, '_>) -> Vec<String> {
    let servers = format!(r"{OWN_CLIENT}\Servers\").to_ascii_lowercase();
    let named = client.all(|fact| match fact {
        Fact::RegistryValue(value) => match value.key.to_ascii_lowercase() {
            key if key.starts_with(&servers) => Some(vec![key[servers.len()..].to_owned()]),
            _ if value.name.eq_ignore_ascii_case("MRU0") => {
                Some(vec![value.data.as_seen()?.text()?.to_owned()])
            }
            _ => None,
        },
        Fact::SavedCredentials { entries } => {
            let targets = entries.as_seen()?.iter();
            Some(targets.filter_map(|e| e.target.rsplit('/').next()).map(str::to_owned).collect())
        }
        Fact::ClientDefaults(defaults) => {
            Some(vec![defaults.settings.as_seen()?.full_address.clone()?])
        }
        _ => None,
    });
    let host = |name: &String| name.split(':').next().unwrap_or_default().to_owned();
    named.iter().flat_map(|seen| seen.value.iter().map(host)).collect()
}

fn differing(evidence: &Evidence<'_>) -> Option<Match> {
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

    use rdpdoctor_model::{
        DnsOutcome, Fact, HostsEntry, Lookup, RegistryData, Stage, WindowsHosts,
    };

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn an_entry_that_agrees_with_the_dns_is_none() {
        let scene = || Scene::new().hosts_file(&["10.0.0.9"]).refused("10.0.0.9:3389");
        assert!(scene().dns_answer(DnsOutcome::Records, &["10.0.0.1"]).judge(&CAUSE).is_some());
        assert_eq!(scene().dns_answer(DnsOutcome::Records, &["10.0.0.9"]).judge(&CAUSE), None);
    }

    #[test]
    fn a_computer_that_the_client_remembers() {
        let found = |last: &str, entries| {
            let key = r"HKCU\SOFTWARE\Microsoft\Terminal Server Client\Default";
            let last = Lookup::seen(RegistryData::Text(last.to_owned()));
            let path = r"C:\Windows\System32\drivers\etc\hosts".to_owned();
            Scene::new()
                .machine_value(Stage::Client, key, "MRU0", last)
                .fact(Stage::Client, Fact::WindowsHosts(WindowsHosts { path, entries }))
                .judge(&CAUSE)
                .is_some()
        };
        let entry = || {
            let address = "10.0.0.9".parse().expect("an address");
            Lookup::seen(vec![HostsEntry { address, host_names: vec!["pc42".to_owned()] }])
        };
        assert!(found("PC42:3390", entry()));
        assert!(!found("pc43", entry()));
        assert!(!found("pc42", Lookup::unavailable("access denied")));
    }
}
