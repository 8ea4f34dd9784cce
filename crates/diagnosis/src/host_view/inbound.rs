//! What the Windows firewall does with a connection to Remote Desktop's port, as far as its rules and
//! settings say ([MS-GPFAS] 2.2.1 and 2.2.2).

use std::collections::BTreeSet;

use rdpdoctor_model::{Fact, FirewallProfile, FirewallRule, Lookup, ObservationId, RuleAction};

use super::{key, port, service};
use crate::machine::{Machine, Setting};
use crate::{Evidence, Proof};

const LOCAL: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy";
const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall";

/// As many rules of one key as a collection keeps: where it has all of them, some may be missing.
const MOST_RULES: usize = 200;
/// As many values as are read of one key.
const MOST_VALUES: u32 = 4_096;

/// What becomes of a connection from a kind of network.
#[derive(Debug, Clone)]
pub(crate) enum Inbound {
    /// It cannot be told.
    Unknown,
    /// It is let in.
    Open,
    /// It is let in from some places only.
    Narrow(Ruling),
    /// It is kept out.
    Blocked(Ruling),
}

impl Inbound {
    /// Whether somebody is let in.
    fn lets_in(&self) -> bool {
        matches!(self, Self::Open | Self::Narrow(_))
    }
}

/// What decides.
#[derive(Debug, Clone)]
pub(crate) struct Ruling {
    /// The observations.
    pub ids: Vec<ObservationId>,
    /// Why.
    pub why: Why,
    /// How sure.
    pub proof: Proof,
}

/// Why a connection is kept out, or let in from some places only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    /// The profile takes nothing, whatever rules say (DoNotAllowExceptions).
    NothingAtAll,
    /// A rule keeps it out.
    Rule(String),
    /// No rule lets it in.
    NoRule,
    /// A rule of the machine lets it in, but a policy ignores those.
    LocalRulesIgnored,
    /// Rules let in some.
    Only(Vec<String>),
}

/// The firewall of a host.
pub(crate) struct Firewall<'e, 'a> {
    host: Machine<'e, 'a>,
    rules: Vec<Rule>,
    local: Store,
    policy: Store,
}

struct Rule {
    id: ObservationId,
    name: String,
    of_policy: bool,
    rule: FirewallRule,
}

/// What became of the question for the rules of one key.
#[derive(Clone)]
enum Store {
    Unread,
    /// All that concern Remote Desktop are there.
    Whole(ObservationId),
    /// There may be more.
    Cut(ObservationId),
}

impl<'e, 'a> Firewall<'e, 'a> {
    pub(crate) fn of(evidence: &'e Evidence<'a>) -> Self {
        let host = Machine::host(evidence);
        let (local, policy) =
            (format!(r"{LOCAL}\FirewallRules"), format!(r"{POLICY}\FirewallRules"));
        let managed = format!(r"{LOCAL}\Mdm\FirewallRules");
        let port = port(&host);
        let mut rules = rules(&host, &local, port, false);
        rules.extend(rules_of_managers(&host, [&policy, &managed], port));
        Self { local: store(&host, &local), policy: store(&host, &policy), host, rules }
    }

    /// The kinds of network that the machine is in now; empty where nobody could look.
    pub(crate) fn current(&self) -> BTreeSet<FirewallProfile> {
        let adapters = self.host.last(|fact| match fact {
            Fact::NetworkAdapters { adapters } => adapters.as_seen(),
            _ => None,
        });
        let up = adapters.into_iter().flat_map(|seen| seen.value).filter(|adapter| adapter.up);
        up.filter_map(|adapter| FirewallProfile::of_category(adapter.category?)).collect()
    }

    /// What becomes of a connection from this kind of network.
    pub(crate) fn judge(&self, profile: FirewallProfile) -> Inbound {
        match self.number(profile, "EnableFirewall") {
            Lookup::Seen { value: setting } if setting.data.number() == Some(0) => {
                return Inbound::Open;
            }
            Lookup::Unavailable { .. } => return Inbound::Unknown,
            _ if self.is_off() => return Inbound::Unknown,
            _ => {}
        }
        if let Lookup::Seen { value: setting } = self.number(profile, "DoNotAllowExceptions")
            && setting.data.number() == Some(1)
        {
            return blocked(vec![setting.id], Why::NothingAtAll, Proof::Proven);
        }
        let merge = self.policy_setting(profile, "AllowLocalPolicyMerge");
        let ignored = merge.filter(|setting| setting.data.number() == Some(0));
        let counts = |rule: &&Rule| {
            rule.rule.active && rule.rule.is_for(profile) && (rule.of_policy || ignored.is_none())
        };
        let counting: Vec<&Rule> = self.rules.iter().filter(counts).collect();
        if let Some(rule) = counting
            .iter()
            .find(|rule| rule.rule.action == RuleAction::Block && !rule.rule.is_narrow())
        {
            return blocked(vec![rule.id.clone()], Why::Rule(rule.name.clone()), Proof::Proven);
        }
        if let Some(open) = let_in(&counting) {
            return open;
        }
        self.without_rule(profile, ignored)
    }

    /// No rule lets it in: then the profile's own answer counts, which is to keep out.
    fn without_rule(&self, profile: FirewallProfile, ignored: Option<Setting<'_>>) -> Inbound {
        let default = match self.number(profile, "DefaultInboundAction") {
            Lookup::Seen { value } if value.data.number() == Some(0) => return Inbound::Open,
            Lookup::Unavailable { .. } => return Inbound::Unknown,
            Lookup::Seen { value } => Some(value.id),
            Lookup::Absent => None,
        };
        if let Some(setting) = ignored {
            let (Store::Whole(id) | Store::Cut(id)) = &self.policy else { return Inbound::Unknown };
            let local = self.rules.iter().find(|rule| {
                !rule.of_policy && rule.rule.active && rule.rule.action == RuleAction::Allow
            });
            let ids = [Some(setting.id), Some(id.clone()), local.map(|rule| rule.id.clone())];
            let ids = ids.into_iter().chain([default]).flatten().collect();
            let why = if local.is_some() { Why::LocalRulesIgnored } else { Why::NoRule };
            return blocked(ids, why, Proof::Proven);
        }
        let (id, proof) = match (&self.local, &self.policy) {
            (Store::Whole(local), Store::Whole(_)) => (local, Proof::Proven),
            (Store::Whole(local) | Store::Cut(local), _) => (local, Proof::Likely),
            (Store::Unread, _) => return Inbound::Unknown,
        };
        // The built-in rule, switched off, says best what is missing.
        let built_in = self
            .rules
            .iter()
            .find(|rule| !rule.of_policy && !rule.rule.active && is_built_in(&rule.name));
        let ids = built_in.map(|rule| rule.id.clone()).into_iter().chain([id.clone()]);
        blocked(ids.chain(default).collect(), Why::NoRule, proof)
    }

    /// Whether the services without which no rule counts do not run.
    fn is_off(&self) -> bool {
        ["MpsSvc", "BFE"].iter().any(|name| {
            service::stopped(&self.host, name).is_some()
                || service::disabled(&self.host, name).is_some()
        })
    }

    /// Whether a connection from another kind of network would be let in.
    pub(crate) fn lets_in_elsewhere(&self, profile: FirewallProfile) -> bool {
        let others = FirewallProfile::ALL.into_iter().filter(|other| *other != profile);
        others.into_iter().any(|other| self.judge(other).lets_in())
    }

    /// The machine's own built-in rule: its text and whether it is on, where it was read.
    pub(crate) fn built_in_switched_off(&self) -> Option<&str> {
        let port = port(&self.host);
        let rule = self.rules.iter().find(|rule| !rule.of_policy && is_built_in(&rule.name))?;
        let fits = !rule.rule.active && rule.rule.concerns(port, service::TERM_SERVICE);
        fits.then_some(rule.name.as_str())
    }

    fn policy_setting(&self, profile: FirewallProfile, name: &str) -> Option<Setting<'a>> {
        self.host.setting(&format!(r"{POLICY}\{}", policy_name(profile)), name)
    }

    /// A setting of a profile: the policy's where there is one.
    fn number(&self, profile: FirewallProfile, name: &str) -> Lookup<Setting<'a>> {
        if let Some(setting) = self.policy_setting(profile, name) {
            return Lookup::seen(setting);
        }
        let local = format!(r"{LOCAL}\{}", local_name(profile));
        if let Some(setting) = self.host.setting(&local, name) {
            return Lookup::seen(setting);
        }
        if self.host.is_absent(&local, name) {
            Lookup::Absent
        } else {
            Lookup::unavailable("not looked at")
        }
    }
}

/// Those that let in, where no rule keeps all out.
fn let_in(counting: &[&Rule]) -> Option<Inbound> {
    let of = |narrow: bool| {
        counting.iter().filter(move |rule| {
            rule.rule.action != RuleAction::Block && rule.rule.is_narrow() == narrow
        })
    };
    if of(false).next().is_some() {
        return Some(Inbound::Open);
    }
    let some: Vec<_> = of(true).collect();
    let ids = some.iter().map(|rule| rule.id.clone()).collect::<Vec<_>>();
    let mut whom: Vec<String> =
        some.iter().flat_map(|rule| rule.rule.remote_addresses.iter().cloned()).collect();
    whom.sort();
    whom.dedup();
    let ruling = Ruling { ids, why: Why::Only(whom), proof: Proof::Proven };
    (!some.is_empty()).then_some(Inbound::Narrow(ruling))
}

fn blocked(ids: Vec<ObservationId>, why: Why, proof: Proof) -> Inbound {
    Inbound::Blocked(Ruling { ids, why, proof })
}

fn is_built_in(name: &str) -> bool {
    name.eq_ignore_ascii_case("RemoteDesktop-UserMode-In-TCP")
}

fn rules(host: &Machine<'_, '_>, path: &str, port: u16, of_policy: bool) -> Vec<Rule> {
    let values = host.all(|fact| match fact {
        Fact::RegistryValue(value) if value.key.eq_ignore_ascii_case(path) => Some(&**value),
        _ => None,
    });
    let rule = |seen: crate::Seen<'_, &rdpdoctor_model::RegistryValue>| {
        let rule = FirewallRule::parse(seen.value.data.as_seen()?.text()?)?;
        let concerns = rule.concerns(port, service::TERM_SERVICE) || is_built_in(&seen.value.name);
        let name = seen.value.name.clone();
        concerns.then(|| Rule { id: seen.id(), name, of_policy, rule })
    };
    // The built-in rule is for 3389; for another port it is kept to be named, and lets nothing in.
    let mut rules: Vec<Rule> = values.into_iter().filter_map(rule).collect();
    for rule in &mut rules {
        rule.rule.active &= rule.rule.concerns(port, service::TERM_SERVICE);
    }
    rules
}

fn rules_of_managers(host: &Machine<'_, '_>, paths: [&String; 2], port: u16) -> Vec<Rule> {
    paths.into_iter().flat_map(|path| rules(host, path, port, true)).collect()
}

fn store(host: &Machine<'_, '_>, path: &str) -> Store {
    let Some(seen) = key(host, path) else { return Store::Unread };
    let kept = host.all(|fact| match fact {
        Fact::RegistryValue(value) => value.key.eq_ignore_ascii_case(path).then_some(()),
        _ => None,
    });
    match seen.value.subkeys {
        Lookup::Unavailable { .. } => Store::Unread,
        _ if kept.len() >= MOST_RULES || seen.value.values >= Some(MOST_VALUES) => {
            Store::Cut(seen.id())
        }
        _ => Store::Whole(seen.id()),
    }
}

/// The profile's key among the machine's own settings; `StandardProfile` is the private one.
fn local_name(profile: FirewallProfile) -> &'static str {
    match profile {
        FirewallProfile::Domain => "DomainProfile",
        FirewallProfile::Private => "StandardProfile",
        FirewallProfile::Public => "PublicProfile",
    }
}

fn policy_name(profile: FirewallProfile) -> &'static str {
    match profile {
        FirewallProfile::Domain => "DomainProfile",
        FirewallProfile::Private => "PrivateProfile",
        FirewallProfile::Public => "PublicProfile",
    }
}
