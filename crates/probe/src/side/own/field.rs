//! What a rule of nftables may ask about a packet, as far as it is known here.

use std::net::IpAddr;

use serde_json::Value;

use super::ruleset::{Packet, Place, Ruleset, text};

/// A field of the packet that is known here.
pub(super) enum Field<'a> {
    Address(IpAddr),
    Port(u16),
    Word(&'a str),
    /// Of another protocol than the packet's.
    NotThere,
}

impl<'a> Field<'a> {
    pub(super) fn of(left: &Value, packet: &'a Packet) -> Option<Self> {
        if let Some(payload) = left.get("payload") {
            let is_v4 = packet.to.is_ipv4();
            return match (text(payload, "protocol"), text(payload, "field")) {
                ("ip", "daddr") if is_v4 => Some(Self::Address(packet.to.ip())),
                ("ip6", "daddr") if !is_v4 => Some(Self::Address(packet.to.ip())),
                ("ip", "saddr") if is_v4 => packet.from.map(Self::Address),
                ("ip6", "saddr") if !is_v4 => packet.from.map(Self::Address),
                ("ip", "protocol") if is_v4 => Some(Self::Word("tcp")),
                ("ip6", "nexthdr") if !is_v4 => Some(Self::Word("tcp")),
                ("udp" | "icmp" | "icmpv6" | "sctp" | "udplite" | "dccp", _) => {
                    Some(Self::NotThere)
                }
                ("ip", _) if !is_v4 => Some(Self::NotThere),
                ("ip6", _) if is_v4 => Some(Self::NotThere),
                ("tcp" | "th", "dport") => Some(Self::Port(packet.to.port())),
                _ => None,
            };
        }
        if let Some(meta) = left.get("meta") {
            return match text(meta, "key") {
                "l4proto" => Some(Self::Word("tcp")),
                "nfproto" => Some(Self::Word(if packet.to.is_ipv4() { "ipv4" } else { "ipv6" })),
                "oif" | "oifname" => packet.interface.as_deref().map(Self::Word),
                _ => None,
            };
        }
        let state = left.get("ct").is_some_and(|ct| text(ct, "key") == "state");
        state.then_some(Self::Word("new"))
    }

    /// Whether it is this value, or among these.
    pub(super) fn is_among(
        &self,
        wanted: &Value,
        ruleset: &Ruleset<'_>,
        at: Place<'_>,
    ) -> Option<bool> {
        let any = |values: &[Value]| {
            let mut unknown = false;
            for value in values {
                match self.is_among(value, ruleset, at) {
                    Some(true) => return Some(true),
                    Some(false) => {}
                    None => unknown = true,
                }
            }
            (!unknown).then_some(false)
        };
        match wanted {
            Value::Array(values) => any(values),
            Value::String(name) if name.starts_with('@') => {
                let set = ruleset.sets.get(&(at.0, at.1, name.trim_start_matches('@')))?;
                // A set with a deadline for each element changes by itself.
                if set.get("flags").is_some_and(|flags| {
                    ["dynamic", "timeout"].iter().any(|flag| flags.to_string().contains(flag))
                }) {
                    return None;
                }
                any(set.get("elem").and_then(Value::as_array).map_or(&[], Vec::as_slice))
            }
            Value::String(text) => self.is(text),
            Value::Number(number) => match self {
                Self::Port(port) => Some(number.as_u64() == Some(u64::from(*port))),
                Self::NotThere => Some(false),
                Self::Word("tcp") => Some(number.as_u64() == Some(6)),
                _ => None,
            },
            Value::Object(object) => {
                if let Some(values) = object.get("set") {
                    return match values {
                        Value::Array(values) => any(values),
                        one => self.is_among(one, ruleset, at),
                    };
                }
                if let Some(element) = object.get("elem") {
                    return self.is_among(element.get("val")?, ruleset, at);
                }
                if let Some(range) = object.get("range").and_then(Value::as_array) {
                    return self.is_within(range.first()?, range.get(1)?);
                }
                self.is_in_network(object.get("prefix")?)
            }
            _ => None,
        }
    }

    fn is(&self, wanted: &str) -> Option<bool> {
        match self {
            Self::NotThere => Some(false),
            Self::Word(word) => match wanted.strip_suffix('*') {
                Some(begin) => Some(word.starts_with(begin)),
                None => Some(*word == wanted),
            },
            Self::Address(address) => wanted.parse::<IpAddr>().ok().map(|other| other == *address),
            // The name of a service.
            Self::Port(_) => None,
        }
    }

    fn is_within(&self, first: &Value, last: &Value) -> Option<bool> {
        match self {
            Self::Port(port) => {
                Some((first.as_u64()?..=last.as_u64()?).contains(&u64::from(*port)))
            }
            Self::Address(address) => {
                let bound = |value: &Value| value.as_str()?.parse::<IpAddr>().ok();
                Some((bound(first)?..=bound(last)?).contains(address))
            }
            Self::NotThere => Some(false),
            Self::Word(_) => None,
        }
    }

    fn is_in_network(&self, prefix: &Value) -> Option<bool> {
        let address = match self {
            Self::Address(address) => *address,
            Self::NotThere => return Some(false),
            _ => return None,
        };
        let length = u32::try_from(prefix.get("len")?.as_u64()?).ok()?;
        match (address, text(prefix, "addr").parse::<IpAddr>().ok()?) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let mask = u32::MAX.checked_shl(32_u32.checked_sub(length)?).unwrap_or(0);
                Some(a.to_bits() & mask == b.to_bits() & mask)
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                let mask = u128::MAX.checked_shl(128_u32.checked_sub(length)?).unwrap_or(0);
                Some(a.to_bits() & mask == b.to_bits() & mask)
            }
            _ => None,
        }
    }
}
