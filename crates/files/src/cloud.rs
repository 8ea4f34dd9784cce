//! Listings of a cloud's rules, as the command lines print them in JSON: which rules are about
//! connections to the port of Remote Desktop.
//!
//! No crate reads these listings; the SDKs of the clouds bring whole clients for the same few fields.

use rdpdoctor_model::{Cloud, CloudRule, DEFAULT_PORT, Fact};
use serde_json::Value;

/// Longest listing that is read.
pub const LONGEST: u64 = 32 * 1024 * 1024;

/// Facts that are kept of one listing.
const MOST_FACTS: usize = 500;

/// Depth of lists and objects in which groups are looked for.
const DEPTH: u8 = 6;

/// Characters of a name that are kept.
const LONGEST_NAME: usize = 200;

/// The groups of a listing and their rules for Remote Desktop; nothing when it is none.
pub fn facts(text: &str) -> Vec<Fact> {
    let Ok(listing) = serde_json::from_str::<Value>(text) else { return Vec::new() };
    let mut facts = Vec::new();
    walk(&listing, DEPTH, &mut facts);
    let rules = listing.as_array().filter(|_| facts.is_empty());
    if let Some(rules) = rules.filter(|rules| rules.iter().any(is_gcp)) {
        group(Cloud::Gcp, "the network", rules.iter().filter_map(gcp), &mut facts);
    } else if let Some(rules) = rules.filter(|rules| rules.iter().any(is_azure)) {
        group(Cloud::Azure, "the group", rules.iter().filter_map(azure), &mut facts);
    }
    facts.truncate(MOST_FACTS);
    facts
}

fn walk(value: &Value, depth: u8, facts: &mut Vec<Fact>) {
    if depth == 0 || facts.len() >= MOST_FACTS {
        return;
    }
    if let Value::Array(values) = value {
        values.iter().for_each(|value| walk(value, depth - 1, facts));
        return;
    }
    let Value::Object(fields) = value else { return };
    let list = |name: &str| fields.get(name).and_then(Value::as_array);
    if let (Some(access), Some(rule)) = (text(value, "access"), text(value, "ruleName")) {
        facts.push(ip_flow(access, rule));
    } else if let Some(rules) = list("effectiveSecurityRules") {
        let name = value.pointer("/networkSecurityGroup/id").and_then(Value::as_str);
        group(Cloud::Azure, last_part(name), rules.iter().filter_map(azure), facts);
    } else if let Some(rules) = list("securityRules") {
        let own = rules.iter().chain(list("defaultSecurityRules").into_iter().flatten());
        group(Cloud::Azure, last_part(text(value, "name")), own.filter_map(azure), facts);
    } else if let Some(rules) = list("IpPermissions") {
        let name = text(value, "GroupId").or(text(value, "GroupName")).unwrap_or("the group");
        let rules = rules.iter().filter_map(|rule| aws(rule, name));
        group(Cloud::Aws, name, rules, facts);
    } else if let (Some(entries), Some(name)) = (list("Entries"), text(value, "NetworkAclId")) {
        group(Cloud::Aws, name, entries.iter().filter_map(|entry| acl(entry, name)), facts);
    } else {
        fields.values().for_each(|value| walk(value, depth - 1, facts));
    }
}

/// One of a group's rules for what comes in.
struct Rule {
    name: String,
    allows: bool,
    priority: Option<u32>,
    sources: Vec<String>,
    for_some_only: bool,
    /// Whether it is about TCP and the port of Remote Desktop.
    concerns: bool,
}

fn group(cloud: Cloud, name: &str, rules: impl Iterator<Item = Rule>, facts: &mut Vec<Fact>) {
    let at = facts.len();
    let mut inbound_rules = 0_u32;
    for rule in rules {
        inbound_rules = inbound_rules.saturating_add(1);
        if rule.concerns && facts.len() < MOST_FACTS {
            let from_everywhere = rule.sources.iter().any(|source| is_everywhere(source));
            facts.push(Fact::CloudRule(Box::new(CloudRule {
                cloud,
                group: cut(name),
                rule: rule.name,
                allows: rule.allows,
                priority: rule.priority,
                sources: rule.sources,
                from_everywhere,
                for_some_only: rule.for_some_only,
                decides: false,
            })));
        }
    }
    facts.insert(at, Fact::CloudGroup { cloud, group: cut(name), inbound_rules });
}

/// The answer of `az network watcher test-ip-flow`: which rule decides.
fn ip_flow(access: &str, rule: &str) -> Fact {
    Fact::CloudRule(Box::new(CloudRule {
        cloud: Cloud::Azure,
        group: "the network interface".to_owned(),
        rule: cut(rule),
        allows: access.eq_ignore_ascii_case("allow"),
        priority: None,
        sources: Vec::new(),
        from_everywhere: false,
        for_some_only: false,
        decides: true,
    }))
}

// ── Azure ───────────────────────────────────────────────────────────────────────────────────────

fn is_azure(rule: &Value) -> bool {
    rule.get("direction").is_some() && rule.get("access").is_some()
}

fn azure(rule: &Value) -> Option<Rule> {
    let inbound = text(rule, "direction")?.eq_ignore_ascii_case("inbound");
    let protocol = text(rule, "protocol").unwrap_or("*");
    let of_tcp = ["tcp", "*", "all"].iter().any(|name| protocol.eq_ignore_ascii_case(name));
    let ports = both(rule, "destinationPortRange", "destinationPortRanges");
    let covered = ports.iter().any(|ports| ports == "*" || covers(ports));
    inbound.then(|| Rule {
        name: cut(text(rule, "name").unwrap_or("a rule without a name")),
        allows: text(rule, "access").is_some_and(|access| access.eq_ignore_ascii_case("allow")),
        priority: number(rule, "priority"),
        sources: both(rule, "sourceAddressPrefix", "sourceAddressPrefixes"),
        for_some_only: rule
            .get("destinationApplicationSecurityGroups")
            .and_then(Value::as_array)
            .is_some_and(|groups| !groups.is_empty()),
        concerns: of_tcp && covered,
    })
}

// ── AWS ─────────────────────────────────────────────────────────────────────────────────────────

/// A permission has no name: it bears the group's, with its ports.
fn aws(rule: &Value, group: &str) -> Option<Rule> {
    let protocol = text(rule, "IpProtocol")?;
    let (from, to) = (signed(rule, "FromPort"), signed(rule, "ToPort"));
    let port = i64::from(DEFAULT_PORT);
    let covered = match (from, to) {
        (Some(from), Some(to)) => from <= port && port <= to || from == -1,
        _ => true,
    };
    let listed = |list: &str, field: &str| -> Vec<String> {
        let ranges = rule.get(list).and_then(Value::as_array).into_iter().flatten();
        ranges.filter_map(|range| text(range, field)).map(cut).collect()
    };
    let mut sources = listed("IpRanges", "CidrIp");
    sources.extend(listed("Ipv6Ranges", "CidrIpv6"));
    sources.extend(listed("UserIdGroupPairs", "GroupId"));
    sources.extend(listed("PrefixListIds", "PrefixListId"));
    let ports = from.map_or_else(|| "all ports".to_owned(), |from| format!("port {from}"));
    Some(Rule {
        name: cut(&format!("{group}, {ports}")),
        allows: true,
        priority: None,
        sources,
        for_some_only: false,
        concerns: matches!(protocol, "tcp" | "6" | "-1") && (protocol == "-1" || covered),
    })
}

/// An entry of the list in front of a subnet (`describe-network-acls`). It has a number for a name.
fn acl(entry: &Value, list: &str) -> Option<Rule> {
    if entry.get("Egress").and_then(Value::as_bool)? {
        return None;
    }
    let number = number(entry, "RuleNumber")?;
    let protocol = text(entry, "Protocol")?;
    let end = |name: &str| entry.pointer(&format!("/PortRange/{name}")).and_then(Value::as_i64);
    let port = i64::from(DEFAULT_PORT);
    let covered = match (end("From"), end("To")) {
        (Some(from), Some(to)) => (from..=to).contains(&port),
        _ => true,
    };
    let sources = ["CidrBlock", "Ipv6CidrBlock"].into_iter();
    Some(Rule {
        name: cut(&format!("{number} of {list}")),
        allows: text(entry, "RuleAction")?.eq_ignore_ascii_case("allow"),
        priority: Some(number),
        sources: sources.filter_map(|field| text(entry, field)).map(cut).collect(),
        for_some_only: false,
        concerns: protocol == "-1" || protocol == "6" && covered,
    })
}

// ── Google Cloud ────────────────────────────────────────────────────────────────────────────────

fn is_gcp(rule: &Value) -> bool {
    rule.get("network").is_some() && (rule.get("allowed").is_some() || rule.get("denied").is_some())
}

fn gcp(rule: &Value) -> Option<Rule> {
    let inbound = text(rule, "direction").is_none_or(|way| way.eq_ignore_ascii_case("ingress"));
    let disabled = rule.get("disabled").and_then(Value::as_bool).unwrap_or_default();
    let allows = rule.get("allowed").is_some();
    let entries = rule.get(if allows { "allowed" } else { "denied" }).and_then(Value::as_array)?;
    let concerns = entries.iter().any(|entry| {
        let protocol = text(entry, "IPProtocol").unwrap_or_default();
        let ports = both(entry, "", "ports");
        matches!(protocol.to_ascii_lowercase().as_str(), "tcp" | "6" | "all")
            && (ports.is_empty() || ports.iter().any(|ports| covers(ports)))
    });
    let tagged =
        ["targetTags", "targetServiceAccounts"].iter().any(|name| rule.get(name).is_some());
    let mut sources = both(rule, "", "sourceRanges");
    let by_tag = both(rule, "", "sourceTags");
    if sources.is_empty() && by_tag.is_empty() {
        sources.push("0.0.0.0/0".to_owned());
    }
    sources.extend(by_tag);
    (inbound && !disabled).then(|| Rule {
        name: cut(text(rule, "name").unwrap_or("a rule without a name")),
        allows,
        priority: number(rule, "priority").or(Some(1_000)),
        sources,
        for_some_only: tagged,
        concerns,
    })
}

// ── fields ──────────────────────────────────────────────────────────────────────────────────────

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn number(value: &Value, name: &str) -> Option<u32> {
    value.get(name).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok())
}

fn signed(value: &Value, name: &str) -> Option<i64> {
    value.get(name).and_then(Value::as_i64)
}

/// A field that stands for one or, under another name, for several.
fn both(value: &Value, one: &str, several: &str) -> Vec<String> {
    let list = value.get(several).and_then(Value::as_array).into_iter().flatten();
    let list = list.filter_map(Value::as_str);
    let mut all: Vec<String> = text(value, one).into_iter().chain(list).map(cut).collect();
    all.truncate(50);
    all.sort();
    all.dedup();
    all
}

/// `3389`, `3000-4000`: whether the port of Remote Desktop is in it.
fn covers(ports: &str) -> bool {
    let (from, to) = ports.split_once('-').unwrap_or((ports, ports));
    let end = |text: &str| text.trim().parse::<u16>().ok();
    match (end(from), end(to)) {
        (Some(from), Some(to)) => (from..=to).contains(&DEFAULT_PORT),
        _ => false,
    }
}

fn is_everywhere(source: &str) -> bool {
    matches!(source, "*" | "0.0.0.0/0" | "::/0" | "0.0.0.0/0,::/0")
        || source.eq_ignore_ascii_case("internet")
        || source.eq_ignore_ascii_case("any")
}

fn last_part(name: Option<&str>) -> &str {
    name.and_then(|name| name.rsplit('/').next()).unwrap_or("the group")
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST_NAME).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rules(text: &str) -> Vec<(String, bool, bool)> {
        let rule = |fact| match fact {
            Fact::CloudRule(rule) => Some((rule.rule, rule.allows, rule.from_everywhere)),
            _ => None,
        };
        facts(text).into_iter().filter_map(rule).collect()
    }

    #[test]
    fn only_rules_about_the_port_and_what_comes_in() {
        let azure = r#"{"value": [{"networkSecurityGroup": {"id": "/subscriptions/x/networkSecurityGroups/nsg-a"},
            "effectiveSecurityRules": [
            {"name": "securityRules/NoRdp", "access": "Deny", "direction": "Inbound", "priority": 100,
             "protocol": "Tcp", "destinationPortRange": "3389-3389", "sourceAddressPrefix": "Internet"},
            {"name": "web", "access": "Allow", "direction": "Inbound", "priority": 110,
             "protocol": "Tcp", "destinationPortRange": "443", "sourceAddressPrefix": "*"},
            {"name": "out", "access": "Deny", "direction": "Outbound", "priority": 110,
             "protocol": "All", "destinationPortRange": "0-65535", "sourceAddressPrefix": "*"},
            {"name": "udp", "access": "Allow", "direction": "Inbound", "priority": 120,
             "protocol": "Udp", "destinationPortRange": "3389", "sourceAddressPrefix": "*"}]}]}"#;
        assert_eq!(rules(azure), [("securityRules/NoRdp".to_owned(), false, true)]);
        let named = facts(azure).iter().any(|fact| {
            matches!(fact, Fact::CloudGroup { group, inbound_rules: 3, .. } if group == "nsg-a")
        });
        assert!(named, "{:?}", facts(azure));
        let aws = r#"{"SecurityGroups": [{"GroupId": "sg-1", "IpPermissions": [
            {"IpProtocol": "tcp", "FromPort": 3389, "ToPort": 3389, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]},
            {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]}]}"#;
        assert_eq!(rules(aws), [("sg-1, port 3389".to_owned(), true, false)]);
        let acl = r#"{"NetworkAcls": [{"NetworkAclId": "acl-1", "Entries": [
            {"RuleNumber": 100, "Protocol": "6", "RuleAction": "deny", "Egress": false,
             "CidrBlock": "0.0.0.0/0", "PortRange": {"From": 3000, "To": 4000}},
            {"RuleNumber": 90, "Protocol": "6", "RuleAction": "deny", "Egress": false,
             "CidrBlock": "0.0.0.0/0", "PortRange": {"From": 22, "To": 22}},
            {"RuleNumber": 95, "Protocol": "17", "RuleAction": "deny", "Egress": false,
             "CidrBlock": "0.0.0.0/0"},
            {"RuleNumber": 80, "Protocol": "-1", "RuleAction": "deny", "Egress": true,
             "CidrBlock": "0.0.0.0/0"},
            {"RuleNumber": 110, "Protocol": "-1", "RuleAction": "allow", "Egress": false,
             "Ipv6CidrBlock": "::/0"}]}]}"#;
        let expected =
            [("100 of acl-1".to_owned(), false, true), ("110 of acl-1".to_owned(), true, true)];
        assert_eq!(rules(acl), expected);
        let gcp = r#"[{"name": "deny-all", "network": "n", "direction": "INGRESS", "priority": 900,
            "denied": [{"IPProtocol": "all"}], "sourceRanges": ["0.0.0.0/0"]},
            {"name": "off", "network": "n", "direction": "INGRESS", "disabled": true,
             "allowed": [{"IPProtocol": "tcp", "ports": ["3389"]}]},
            {"name": "ssh", "network": "n", "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}]}]"#;
        assert_eq!(rules(gcp), [("deny-all".to_owned(), false, true)]);
        let flow = r#"{"access": "Deny", "ruleName": "DefaultRule_DenyAllInBound"}"#;
        assert_eq!(rules(flow), [("DefaultRule_DenyAllInBound".to_owned(), false, false)]);
    }

    #[test]
    fn what_is_no_listing_holds_nothing() {
        for text in ["", "[]", "{}", "[1, 2]", "{\"access\": 1}", "{\"SecurityGroups\": 7}", "nul"]
        {
            assert_eq!(facts(text), [], "{text}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_read_without_harm(text in "[\\[\\]{}:,\"a-zA-Z0-9 -]{0,300}") {
            let _ = facts(&text);
        }
    }
}
