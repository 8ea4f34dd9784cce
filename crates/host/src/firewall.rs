//! Firewall rules, which Windows keeps as texts in the registry ([MS-GPFAS] 2.2.2.19):
//! `v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|Name=...|`.

use rdpdoctor_model::{DEFAULT_PORT, Fact, FirewallRule, Lookup, RegistryData, RegistryKey};

use crate::System;
use crate::collect::{LISTENER, named};

/// Where rules stand: those of the machine, of group policies, of a management service.
pub(crate) const RULES: [&str; 3] = [
    r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules",
    r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall\FirewallRules",
    r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\Mdm\FirewallRules",
];

/// The service of Remote Desktop.
const SERVICE: &str = "TermService";

/// Rules that are kept at most of one key.
const MOST_RULES: usize = 200;

/// The inbound rules that concern Remote Desktop, and how many rules there are at all.
pub fn rules(system: &dyn System) -> Vec<Fact> {
    let port = system.registry_value(LISTENER, "PortNumber");
    let port = port.as_seen().and_then(RegistryData::number);
    let port = port.and_then(|port| u16::try_from(port).ok()).unwrap_or(DEFAULT_PORT);
    RULES.iter().flat_map(|key| of_key(system, key, port)).collect()
}

fn of_key(system: &dyn System, key: &str, port: u16) -> Vec<Fact> {
    let all = system.registry_values(key);
    let count = all.as_seen().map(|all| u32::try_from(all.len()).unwrap_or(u32::MAX));
    let subkeys = match &all {
        Lookup::Seen { .. } => Lookup::seen(Vec::new()),
        Lookup::Absent => Lookup::Absent,
        Lookup::Unavailable { why } => Lookup::unavailable(why.clone()),
    };
    let own = RegistryKey { key: key.to_owned(), subkeys, values: count };
    let kept = all
        .as_seen()
        .into_iter()
        .flatten()
        .filter(|(name, data)| data.text().is_some_and(|rule| is_kept(name, rule, port)));
    let kept =
        kept.take(MOST_RULES).map(|(name, data)| named(key, name, Lookup::seen(data.clone())));
    std::iter::once(Fact::RegistryKey(Box::new(own))).chain(kept).collect()
}

/// Whether a rule can decide about Remote Desktop: one of its own, and whatever else fits its port
/// and service.
fn is_kept(name: &str, rule: &str, port: u16) -> bool {
    name.to_ascii_lowercase().starts_with("remotedesktop-")
        || FirewallRule::parse(rule).is_some_and(|rule| rule.concerns(port, SERVICE))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, RegistryData};

    use super::{RULES, rules};
    use crate::fake::FakeSystem;

    #[test]
    fn rules_that_decide_are_kept_and_all_are_counted() {
        let rule = |text: &str| RegistryData::Text(text.to_owned());
        let system = FakeSystem::default()
            .with(
                RULES[0],
                "RemoteDesktop-UserMode-In-UDP",
                rule("v2.30|Action=Allow|Dir=In|Protocol=17|"),
            )
            .with(RULES[0], "{A}", rule("v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|"))
            .with(
                RULES[0],
                "{B}",
                rule("v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=445|"),
            );
        let facts = rules(&system);
        let names: Vec<&str> = facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::RegistryValue(value) => Some(value.name.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(names, ["remotedesktop-usermode-in-udp", "{a}"]);
        let counts: Vec<Option<u32>> = facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::RegistryKey(key) => Some(key.values),
                _ => None,
            })
            .collect();
        assert_eq!(counts, [Some(3), None, None]);
    }
}
