//! Firewall rules, which Windows keeps as texts in the registry ([MS-GPFAS] 2.2.2.19):
//! `v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|Name=...|`.

use rdpdoctor_model::{Fact, Lookup, RegistryData, RegistryKey};

use crate::System;
use crate::collect::{LISTENER, named};

/// Where rules stand: those of the machine, those of group policies.
pub(crate) const RULES: [&str; 2] = [
    r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules",
    r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall\FirewallRules",
];

/// Rules that are kept at most of one key.
const MOST_RULES: usize = 200;

/// The inbound rules that concern Remote Desktop, and how many rules there are at all.
pub fn rules(system: &dyn System) -> Vec<Fact> {
    let port = system.registry_value(LISTENER, "PortNumber");
    let port = port.as_seen().and_then(RegistryData::number).unwrap_or(3389);
    RULES.iter().flat_map(|key| of_key(system, key, port)).collect()
}

fn of_key(system: &dyn System, key: &str, port: u64) -> Vec<Fact> {
    let all = system.registry_values(key);
    let count = all.as_seen().map(|all| u32::try_from(all.len()).unwrap_or(u32::MAX));
    let subkeys = match &all {
        Lookup::Seen { .. } => Lookup::seen(Vec::new()),
        Lookup::Absent => Lookup::Absent,
        Lookup::Unavailable { why } => Lookup::unavailable(why.clone()),
    };
    let own = RegistryKey { key: key.to_owned(), subkeys, values: count };
    let kept = all.as_seen().into_iter().flatten().filter(|(name, data)| {
        name.starts_with("RemoteDesktop-") || data.text().is_some_and(|rule| concerns(rule, port))
    });
    let kept =
        kept.take(MOST_RULES).map(|(name, data)| named(key, name, Lookup::seen(data.clone())));
    std::iter::once(Fact::RegistryKey(Box::new(own))).chain(kept).collect()
}

/// Whether an inbound rule can speak of Remote Desktop: its port, its service, or whatever comes in.
fn concerns(rule: &str, port: u64) -> bool {
    let fields = || rule.split('|').filter_map(|field| field.split_once('='));
    let has = |name: &str, value: &str| {
        fields().any(|(n, v)| n.eq_ignore_ascii_case(name) && v.eq_ignore_ascii_case(value))
    };
    if !has("Dir", "In") {
        return false;
    }
    let named = |wanted: &'static str| {
        fields().filter(move |(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
    };
    let port_named = named("LPort").any(|ports| ports == port.to_string())
        || named("LPort2_10").any(|range| {
            range
                .split_once('-')
                .and_then(|(low, high)| Some(low.parse::<u64>().ok()?..=high.parse().ok()?))
                .is_some_and(|range| range.contains(&port))
        });
    let service = has("Svc", "termservice");
    let everything = has("Action", "Block")
        && fields().all(|(name, _)| {
            !matches!(name.to_ascii_lowercase().as_str(), "lport" | "lport2_10" | "app" | "svc")
        })
        && (has("Protocol", "6") || named("Protocol").next().is_none());
    port_named || service || everything
}

#[cfg(test)]
mod tests {
    use super::concerns;

    #[test]
    fn rules_that_can_speak_of_remote_desktop() {
        let built_in = "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|App=%SystemRoot%\\system32\\svchost.exe|Svc=termservice|Name=@FirewallAPI.dll,-28775|";
        assert!(concerns(built_in, 3389));
        assert!(concerns(built_in, 3390), "its service is named");
        assert!(concerns(
            "v2.30|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort2_10=3300-3400|",
            3389
        ));
        assert!(concerns("v2.30|Action=Block|Active=TRUE|Dir=In|", 3389));
        assert!(!concerns("v2.30|Action=Block|Active=TRUE|Dir=Out|Protocol=6|LPort=3389|", 3389));
        assert!(!concerns("v2.30|Action=Block|Active=TRUE|Dir=In|App=C:\\x.exe|", 3389));
        assert!(!concerns("v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=445|", 3389));
        assert!(!concerns("", 3389));
    }
}
