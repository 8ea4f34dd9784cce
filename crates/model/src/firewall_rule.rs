//! A rule of the Windows firewall. Windows keeps it as one text ([MS-GPFAS] 2.2.2.19):
//! `v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|Name=...|`.

use std::ops::RangeInclusive;

/// IPPROTO_TCP.
const TCP: u16 = 6;

/// Fields of one rule that are read at most.
const MOST_FIELDS: usize = 512;

/// A rule, as far as it can concern a TCP port that a service listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirewallRule {
    /// What becomes of what it fits.
    pub action: RuleAction,
    /// Whether it is switched on.
    pub active: bool,
    /// Whether it is for what comes in.
    pub inbound: bool,
    /// The name a person sees; a resource (`@FirewallAPI.dll,-28775`) for Windows' own.
    pub name: Option<String>,
    /// The networks it is for; none stands for all.
    pub profiles: Vec<FirewallProfile>,
    /// Whom it is for, as Windows writes it (`10.0.0.0/255.0.0.0`, `LocalSubnet`); none stands for
    /// everybody.
    pub remote_addresses: Vec<String>,
    /// Conditions that cannot be judged from here: the other end's port, own addresses, interfaces,
    /// IPsec, users.
    pub further_conditions: bool,
    protocol: Option<u16>,
    ports: Vec<RangeInclusive<u16>>,
    names_ports: bool,
    program: Option<String>,
    service: Option<String>,
    app_container: bool,
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleAction {
    /// Lets in.
    Allow,
    /// Keeps out.
    Block,
    /// Lets in who authenticates by IPsec, past rules that block.
    Bypass,
}

/// The kind of network a rule or a setting of the firewall is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FirewallProfile {
    /// A domain controller of the machine's domain answers there.
    Domain,
    /// The user said that it is private.
    Private,
    /// Any other.
    Public,
}

impl FirewallProfile {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Domain, Self::Private, Self::Public];

    /// By the category that Windows gives a network (NLM_NETWORK_CATEGORY).
    pub fn of_category(category: u32) -> Option<Self> {
        match category {
            0 => Some(Self::Public),
            1 => Some(Self::Private),
            2 => Some(Self::Domain),
            _ => None,
        }
    }
}

impl FirewallRule {
    /// Reads a rule; `None` where the text is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('|');
        let is_rule = parts.next()?.trim().starts_with(['v', 'V']);
        let mut rule = Self {
            action: RuleAction::Allow,
            active: false,
            inbound: false,
            name: None,
            profiles: Vec::new(),
            remote_addresses: Vec::new(),
            further_conditions: false,
            protocol: None,
            ports: Vec::new(),
            names_ports: false,
            program: None,
            service: None,
            app_container: false,
        };
        let mut has_action = false;
        for (field, value) in parts.take(MOST_FIELDS).filter_map(|part| part.split_once('=')) {
            has_action |= field.eq_ignore_ascii_case("Action");
            rule.take(field, value.trim());
        }
        (is_rule && has_action).then_some(rule)
    }

    fn take(&mut self, field: &str, value: &str) {
        match field.to_ascii_lowercase().as_str() {
            "action" => {
                self.action = match value.to_ascii_lowercase().as_str() {
                    "allow" => RuleAction::Allow,
                    "bypass" => RuleAction::Bypass,
                    _ => RuleAction::Block,
                }
            }
            "active" => self.active = value.eq_ignore_ascii_case("TRUE"),
            "dir" => self.inbound = value.eq_ignore_ascii_case("In"),
            // 256 stands for any (FW_IP_PROTOCOL_ANY).
            "protocol" => self.protocol = value.parse().ok().filter(|number| *number != 256),
            "profile" => self.profiles.extend(profile(value)),
            "lport" | "lport2_10" => match range(value) {
                Some(range) => self.ports.push(range),
                None => self.names_ports = true,
            },
            // Ports by a keyword (LPort2_20, LPort2_24) are none that Remote Desktop uses.
            field if field.starts_with("lport") => self.names_ports = true,
            field if field.starts_with("ra4") || field.starts_with("ra6") => {
                self.remote_addresses.push(value.to_owned());
            }
            "app" => self.program = Some(value.to_owned()),
            "svc" => self.service = Some(value.to_owned()),
            "name" => self.name = Some(value.to_owned()),
            "apppkgid" | "luown" | "pfn" => self.app_container = true,
            "desc" | "embedctxt" | "edge" | "defer" | "platform" | "platform2" | "skipver" => {}
            _ => self.further_conditions = true,
        }
    }

    /// Whether it can fit what comes in to the service behind a TCP port. Remote Desktop's service
    /// runs in `svchost.exe`.
    pub fn concerns(&self, port: u16, service: &str) -> bool {
        let port_fits = self.ports.iter().any(|range| range.contains(&port))
            || (self.ports.is_empty() && !self.names_ports);
        let service_fits = self
            .service
            .as_deref()
            .is_none_or(|named| named == "*" || named.eq_ignore_ascii_case(service));
        let program_fits = self
            .program
            .as_deref()
            .is_none_or(|program| program.to_ascii_lowercase().ends_with(r"\svchost.exe"));
        self.inbound
            && !self.app_container
            && self.protocol.is_none_or(|number| number == TCP)
            && port_fits
            && service_fits
            && program_fits
    }

    /// Whether it is for this kind of network.
    pub fn is_for(&self, profile: FirewallProfile) -> bool {
        self.profiles.is_empty() || self.profiles.contains(&profile)
    }

    /// Whether it is for some other ends only.
    pub fn is_narrow(&self) -> bool {
        let anybody = |address: &String| address == "*" || address.eq_ignore_ascii_case("any");
        let named = !self.remote_addresses.is_empty() && !self.remote_addresses.iter().any(anybody);
        named || self.further_conditions || self.action == RuleAction::Bypass
    }
}

fn profile(value: &str) -> Vec<FirewallProfile> {
    match value.to_ascii_lowercase().as_str() {
        "domain" => vec![FirewallProfile::Domain],
        "private" | "standard" => vec![FirewallProfile::Private],
        "public" => vec![FirewallProfile::Public],
        _ => FirewallProfile::ALL.to_vec(),
    }
}

fn range(value: &str) -> Option<RangeInclusive<u16>> {
    let (low, high) = value.split_once('-').unwrap_or((value, value));
    Some(low.trim().parse().ok()?..=high.trim().parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::{FirewallProfile, FirewallRule, RuleAction};

    const BUILT_IN: &str = "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|Profile=Private|LPort=3389|App=%SystemRoot%\\system32\\svchost.exe|Svc=termservice|Name=@FirewallAPI.dll,-28775|Desc=@FirewallAPI.dll,-28756|EmbedCtxt=@FirewallAPI.dll,-28752|";

    fn concerns(text: &str, port: u16) -> bool {
        FirewallRule::parse(text).is_some_and(|rule| rule.concerns(port, "TermService"))
    }

    #[test]
    fn the_built_in_rule() {
        let rule = FirewallRule::parse(BUILT_IN).expect("a rule");
        assert_eq!((rule.action, rule.active), (RuleAction::Allow, true));
        assert!(rule.concerns(3389, "TermService") && !rule.concerns(3390, "TermService"));
        assert!(rule.is_for(FirewallProfile::Domain) && !rule.is_for(FirewallProfile::Public));
        assert!(!rule.is_narrow());
    }

    #[test]
    fn what_can_fit_remote_desktop_and_what_cannot() {
        for fits in [
            "v2.30|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort2_10=3300-3400|",
            "v2.30|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=80|LPort=3389|",
            "v2.30|Action=Block|Active=TRUE|Dir=In|",
            "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=256|",
            "v2.30|Action=Allow|Active=TRUE|Dir=In|App=C:\\Windows\\System32\\svchost.exe|Svc=*|",
        ] {
            assert!(concerns(fits, 3389), "{fits}");
        }
        for not in [
            "v2.30|Action=Block|Active=TRUE|Dir=Out|Protocol=6|LPort=3389|",
            "v2.30|Action=Block|Active=TRUE|Dir=In|App=C:\\x.exe|",
            "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=445|",
            "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=RPC|",
            "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=17|LPort=3389|",
            "v2.30|Action=Allow|Active=TRUE|Dir=In|Svc=lanmanserver|",
            "v2.30|Action=Allow|Active=TRUE|Dir=In|AppPkgId=S-1-15-2-1|",
            "v2.30|Action=Allow|Active=TRUE|Dir=In|LPort=3389-|",
            "",
            "|||",
            "v2.30|",
        ] {
            assert!(!concerns(not, 3389), "{not}");
        }
    }

    #[test]
    fn whom_it_is_for() {
        let narrow = |more: &str| {
            let text = format!("v2.30|Action=Allow|Active=TRUE|Dir=In|{more}|");
            FirewallRule::parse(&text).expect("a rule").is_narrow()
        };
        assert!(narrow("RA4=LocalSubnet|RA6=LocalSubnet"));
        assert!(narrow("RPort=1024"));
        assert!(narrow("Security=Authenticate"), "a condition that it does not know");
        assert!(!narrow("Edge=TRUE") && !narrow("RA4=*"));
    }
}
