//! What a ruleset of nftables (libnftables-json(5)) does with one packet that leaves. What a rule asks
//! is known to hold, known not to hold, or not known here; only what is known decides.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use rdpdoctor_model::{Lookup, OwnRule, RuleVerdict};
use serde_json::Value;

use super::field::Field;

/// Chains that lead to each other are followed so far; nft allows 16 jumps.
const DEEPEST: usize = 16;

/// Rules that are looked at for one packet.
const MOST_RULES: usize = 20_000;

/// The first packet of the connection.
#[derive(Debug, Clone)]
pub(super) struct Packet {
    pub(super) from: Option<IpAddr>,
    pub(super) to: SocketAddr,
    pub(super) interface: Option<String>,
}

/// The rule that does not let it out; absent where all let it pass.
pub(super) fn judge(list: &[u8], packet: &Packet) -> Lookup<OwnRule> {
    let Ok(list) = serde_json::from_slice::<Value>(list) else {
        return Lookup::unavailable("nft's list cannot be read");
    };
    let Some(ruleset) = Ruleset::of(&list) else {
        return Lookup::unavailable("nft's list has another form");
    };
    let mut unknown = false;
    for chain in ruleset.leaving(packet) {
        let mut walk = Walk {
            ruleset: &ruleset,
            packet,
            left: MOST_RULES,
            may_pass: false,
            may_be_blocked: false,
        };
        match walk.base(chain) {
            // What a rule before it may have let pass is not known to be blocked.
            Fate::Blocked(rule) if !walk.may_pass => return Lookup::seen(rule),
            Fate::Blocked(_) => unknown = true,
            Fate::Passed => unknown |= walk.may_be_blocked,
        }
    }
    if unknown {
        return Lookup::unavailable("some rules ask what is not known here");
    }
    Lookup::Absent
}

/// Chains with their rules.
pub(super) struct Ruleset<'a> {
    chains: Vec<&'a Value>,
    rules: HashMap<Place<'a>, Vec<&'a Value>>,
    pub(super) sets: HashMap<Place<'a>, &'a Value>,
}

/// Family, table and name.
pub(super) type Place<'a> = (&'a str, &'a str, &'a str);

impl<'a> Ruleset<'a> {
    fn of(list: &'a Value) -> Option<Self> {
        let mut ruleset = Self { chains: Vec::new(), rules: HashMap::new(), sets: HashMap::new() };
        for entry in list.get("nftables")?.as_array()? {
            if let Some(chain) = entry.get("chain") {
                ruleset.chains.push(chain);
            } else if let Some(rule) = entry.get("rule") {
                ruleset.rules.entry(place(rule, "chain")).or_default().push(rule);
            } else if let Some(set) = entry.get("set") {
                ruleset.sets.insert(place(set, "name"), set);
            }
        }
        Some(ruleset)
    }

    /// The chains that a packet passes which leaves, in their order.
    fn leaving(&self, packet: &Packet) -> Vec<&'a Value> {
        let own = if packet.to.is_ipv4() { "ip" } else { "ip6" };
        let mut chains: Vec<&Value> = self.chains.clone();
        chains.retain(|chain| {
            let filters = matches!(text(chain, "type"), "filter" | "route");
            let leaves = matches!(text(chain, "hook"), "output" | "postrouting");
            filters && leaves && [own, "inet"].contains(&text(chain, "family"))
        });
        chains.sort_by_key(|chain| {
            let priority = chain.get("prio").and_then(Value::as_i64).unwrap_or_default();
            (text(chain, "hook") != "output", priority)
        });
        chains
    }
}

pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn place<'a>(value: &'a Value, name: &str) -> Place<'a> {
    (text(value, "family"), text(value, "table"), text(value, name))
}

enum Fate {
    Passed,
    Blocked(OwnRule),
}

/// What a chain decided.
enum Outcome {
    Accepted,
    Blocked(OwnRule),
    /// It is for the chain before to say.
    Returned,
}

/// The walk of the packet through one base chain.
struct Walk<'a> {
    ruleset: &'a Ruleset<'a>,
    packet: &'a Packet,
    left: usize,
    /// A rule was passed that may have let the packet pass, if what it asks holds.
    may_pass: bool,
    /// The same of a rule that blocks.
    may_be_blocked: bool,
}

impl Walk<'_> {
    fn base(&mut self, chain: &Value) -> Fate {
        match self.chain(place(chain, "name"), 0) {
            Outcome::Accepted => Fate::Passed,
            Outcome::Blocked(rule) => Fate::Blocked(rule),
            Outcome::Returned if text(chain, "policy") == "drop" => {
                Fate::Blocked(named(place(chain, "name"), None, RuleVerdict::Drop))
            }
            Outcome::Returned => Fate::Passed,
        }
    }

    fn chain(&mut self, at: Place<'_>, depth: usize) -> Outcome {
        let rules = self.ruleset.rules.get(&at).map(Vec::as_slice).unwrap_or_default();
        for rule in rules {
            if self.left == 0 || depth > DEEPEST {
                (self.may_pass, self.may_be_blocked) = (true, true);
                return Outcome::Returned;
            }
            self.left -= 1;
            if let Some(outcome) = self.rule(rule, at, depth) {
                return outcome;
            }
        }
        Outcome::Returned
    }

    /// What the rule decides; `None`: the next one is asked.
    fn rule(&mut self, rule: &Value, at: Place<'_>, depth: usize) -> Option<Outcome> {
        let handle = rule.get("handle").and_then(Value::as_u64);
        let mut holds = Some(true);
        for statement in rule.get("expr").and_then(Value::as_array)? {
            let (kind, content) = statement.as_object()?.iter().next()?;
            let verdict = match kind.as_str() {
                "match" => {
                    holds = both(holds, self.matches(content, at));
                    None
                }
                // These change nothing of what becomes of the packet.
                "counter" | "log" | "notrack" | "mangle" | "ct helper" => None,
                "vmap" => self.mapped(content, at, &mut holds),
                verdict => {
                    let verdict = Verdict::of(verdict, content);
                    if verdict.is_none() {
                        // A limit, a quota, an extension of iptables.
                        holds = both(holds, None);
                    }
                    verdict
                }
            };
            match (holds, verdict) {
                (Some(false), _) => return None,
                (_, None) => {}
                (Some(true), Some(verdict)) => return self.decided(verdict, handle, at, depth),
                (None, Some(verdict)) => {
                    self.may_pass |= !matches!(verdict, Verdict::Block(_));
                    self.may_be_blocked |= !matches!(verdict, Verdict::Accept | Verdict::Return);
                }
            }
        }
        None
    }

    /// The verdict that a map has for the packet.
    fn mapped<'v>(
        &mut self,
        map: &'v Value,
        at: Place<'_>,
        holds: &mut Option<bool>,
    ) -> Option<Verdict<'v>> {
        let field = map.get("key").and_then(|key| Field::of(key, self.packet));
        let pairs = map.get("data").and_then(|data| data.get("set")).and_then(Value::as_array);
        let (Some(field), Some(pairs)) = (field, pairs) else {
            (self.may_pass, self.may_be_blocked) = (true, true);
            return None;
        };
        for pair in pairs {
            let [key, verdict] = pair.as_array().map(Vec::as_slice)? else { return None };
            let (kind, content) = verdict.as_object()?.iter().next()?;
            match field.is_among(key, self.ruleset, at) {
                Some(false) => {}
                Some(true) => return Verdict::of(kind, content),
                None => *holds = both(*holds, None),
            }
        }
        if holds.is_none() {
            (self.may_pass, self.may_be_blocked) = (true, true);
        }
        None
    }

    fn decided(
        &mut self,
        verdict: Verdict<'_>,
        handle: Option<u64>,
        at: Place<'_>,
        depth: usize,
    ) -> Option<Outcome> {
        match verdict {
            Verdict::Accept => Some(Outcome::Accepted),
            Verdict::Block(how) => Some(Outcome::Blocked(named(at, handle, how))),
            Verdict::Return => Some(Outcome::Returned),
            Verdict::Jump(to) => match self.chain((at.0, at.1, to), depth + 1) {
                Outcome::Returned => None,
                outcome => Some(outcome),
            },
            Verdict::Goto(to) => Some(self.chain((at.0, at.1, to), depth + 1)),
        }
    }

    /// Whether a comparison holds for the packet; `None`: nobody knows here.
    fn matches(&self, comparison: &Value, at: Place<'_>) -> Option<bool> {
        let field = Field::of(comparison.get("left")?, self.packet)?;
        if matches!(field, Field::NotThere) {
            // nft asks for the protocol first, so that not even "is not" holds.
            return Some(false);
        }
        let wanted = comparison.get("right")?;
        let within = field.is_among(wanted, self.ruleset, at)?;
        match text(comparison, "op") {
            "==" | "in" => Some(within),
            "!=" => Some(!within),
            _ => None,
        }
    }
}

/// Both hold, as far as known.
fn both(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn named((family, table, chain): Place<'_>, handle: Option<u64>, verdict: RuleVerdict) -> OwnRule {
    let short = |text: &str| text.chars().take(64).collect::<String>();
    OwnRule { table: short(&format!("{family} {table}")), chain: short(chain), handle, verdict }
}

enum Verdict<'a> {
    Accept,
    Block(RuleVerdict),
    Return,
    Jump(&'a str),
    Goto(&'a str),
}

impl<'a> Verdict<'a> {
    fn of(kind: &str, content: &'a Value) -> Option<Self> {
        Some(match kind {
            "accept" => Self::Accept,
            "drop" => Self::Block(RuleVerdict::Drop),
            "reject" => Self::Block(RuleVerdict::Reject),
            "return" => Self::Return,
            "jump" => Self::Jump(text(content, "target")),
            "goto" => Self::Goto(text(content, "target")),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn packet(to: &str) -> Packet {
        Packet {
            from: None,
            to: to.parse().expect("an address"),
            interface: Some("eth0".to_owned()),
        }
    }

    /// What becomes of a packet to 10.0.0.1:3389 in an output chain with these rules.
    fn fate(policy: &str, rules: &[Value]) -> Lookup<OwnRule> {
        fate_of(&packet("10.0.0.1:3389"), policy, rules)
    }

    fn fate_of(packet: &Packet, policy: &str, rules: &[Value]) -> Lookup<OwnRule> {
        let mut list = vec![
            json!({"chain": {"family": "inet", "table": "t", "name": "o", "type": "filter",
                "hook": "output", "prio": 0, "policy": policy}}),
            json!({"set": {"family": "inet", "table": "t", "name": "rdp", "elem": [3389, 3390]}}),
            json!({"rule": {"family": "inet", "table": "t", "chain": "sub", "handle": 99,
                "expr": [port(json!(3389)), {"drop": null}]}}),
        ];
        for (handle, expr) in rules.iter().enumerate() {
            list.push(json!({"rule": {"family": "inet", "table": "t", "chain": "o",
                "handle": handle, "expr": expr}}));
        }
        judge(json!({"nftables": list}).to_string().as_bytes(), packet)
    }

    fn matching(left: Value, op: &str, right: Value) -> Value {
        json!({"match": {"op": op, "left": left, "right": right}})
    }

    fn port(right: Value) -> Value {
        matching(json!({"payload": {"protocol": "tcp", "field": "dport"}}), "==", right)
    }

    fn address(op: &str, right: Value) -> Value {
        matching(json!({"payload": {"protocol": "ip", "field": "daddr"}}), op, right)
    }

    fn handle(found: &Lookup<OwnRule>) -> Option<u64> {
        found.as_seen().and_then(|rule| rule.handle)
    }

    #[test]
    fn the_rule_that_drops_is_named() {
        let drop = json!({"drop": null});
        for blocking in [
            vec![port(json!(3389)), drop.clone()],
            vec![port(json!({"set": [22, {"range": [3000, 4000]}]})), drop.clone()],
            vec![port(json!("@rdp")), json!({"counter": {}}), drop.clone()],
            vec![address("==", json!({"prefix": {"addr": "10.0.0.0", "len": 8}})), drop.clone()],
            vec![address("!=", json!("192.0.2.1")), json!({"reject": {"type": "tcp reset"}})],
            vec![matching(json!({"meta": {"key": "oifname"}}), "==", json!("eth*")), drop.clone()],
        ] {
            let found = fate("accept", &[json!(blocking)]);
            assert_eq!(handle(&found), Some(0), "{blocking:?}: {found:?}");
        }
        let by_chain = fate("accept", &[json!([{"jump": {"target": "sub"}}])]);
        assert_eq!(handle(&by_chain), Some(99), "{by_chain:?}");
        let by_policy = fate("drop", &[]);
        assert_eq!(by_policy.as_seen().map(|rule| rule.handle), Some(None));
        let map = json!([{"vmap": {"key": {"payload": {"protocol": "tcp", "field": "dport"}},
            "data": {"set": [[22, {"accept": null}], [3389, {"drop": null}]]}}}]);
        assert_eq!(handle(&fate("accept", &[map])), Some(0));
    }

    #[test]
    fn what_is_about_others_lets_it_pass() {
        let drop = json!({"drop": null});
        let state =
            matching(json!({"ct": {"key": "state"}}), "in", json!(["established", "related"]));
        let other_family = matching(
            json!({"payload": {"protocol": "ip6", "field": "daddr"}}),
            "!=",
            json!("fd00::1"),
        );
        for passing in [
            vec![port(json!(22)), drop.clone()],
            vec![address("==", json!({"prefix": {"addr": "10.1.0.0", "len": 16}})), drop.clone()],
            vec![matching(json!({"meta": {"key": "l4proto"}}), "==", json!("udp")), drop.clone()],
            vec![matching(json!({"meta": {"key": "oifname"}}), "==", json!("wg0")), drop.clone()],
            vec![state, drop.clone()],
            vec![other_family, drop.clone()],
            vec![port(json!(3389)), json!({"counter": {}})],
        ] {
            let found = fate("accept", &[json!(passing)]);
            assert_eq!(found, Lookup::Absent, "{passing:?}");
        }
        let accepted = [json!([port(json!(3389)), {"accept": null}]), json!([drop])];
        assert_eq!(fate("drop", &accepted), Lookup::Absent);
        let six = [json!([address("==", json!("10.0.0.1")), {"drop": null}])];
        assert_eq!(fate_of(&packet("[fd00::1]:3389"), "accept", &six), Lookup::Absent);
    }

    /// A rule that asks what is not known here decides nothing, and neither does what comes behind it
    /// where it may have let the packet pass.
    #[test]
    fn what_is_not_known_is_not_claimed() {
        let user = matching(json!({"meta": {"key": "skuid"}}), "==", json!(1000));
        let limit = json!({"limit": {"rate": 3, "per": "second"}});
        for doubtful in [
            vec![json!([user, {"drop": null}])],
            vec![json!([limit, {"drop": null}])],
            vec![json!([user, {"accept": null}]), json!([{"drop": null}])],
            vec![json!([{"xt": null}, {"jump": {"target": "sub"}}])],
        ] {
            let found = fate("accept", &doubtful);
            assert!(matches!(found, Lookup::Unavailable { .. }), "{doubtful:?}: {found:?}");
        }
        // Dropped by the one or by the other.
        let sure = [json!([user, {"drop": null}]), json!([{"drop": null}])];
        assert_eq!(handle(&fate("accept", &sure)), Some(1));
        assert!(matches!(judge(b"{", &packet("10.0.0.1:1")), Lookup::Unavailable { .. }));
    }
}
