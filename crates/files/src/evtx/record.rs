//! A record's fields, by name where they have one and by place where not.

use std::net::{IpAddr, SocketAddr};

use std::borrow::Cow;

use rdpdoctor_model::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// Longest text that is kept of a field, in characters.
const LONGEST: usize = 256;

/// Fields of a record that are looked at.
const FIELDS: usize = 64;

/// Where the parser puts the attributes of an element.
const ATTRIBUTES: &str = "#attributes";

/// Depth of elements within the event's data.
const DEPTH: u8 = 4;

/// What a record says of itself before what happened: enough to tell whether that concerns anything
/// here. Most records of a log do not, so nothing is made of the rest of their JSON.
#[derive(Debug, Deserialize)]
pub(super) struct Head<'a> {
    #[serde(rename = "Event", borrow)]
    event: EventHead<'a>,
}

#[derive(Debug, Deserialize)]
struct EventHead<'a> {
    #[serde(rename = "System", borrow)]
    system: SystemHead<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SystemHead<'a> {
    #[serde(default)]
    provider: Value,
    #[serde(rename = "EventID")]
    event_id: Value,
    #[serde(default)]
    time_created: Value,
    #[serde(borrow)]
    channel: Option<Cow<'a, str>>,
    #[serde(borrow)]
    computer: Option<Cow<'a, str>>,
}

impl Head<'_> {
    /// The record as far as its head tells; none when it is no event.
    pub(super) fn record(&self, number: u64) -> Option<Record> {
        let system = &self.event.system;
        let kept = |text: &Option<Cow<'_, str>>| {
            text.as_deref().unwrap_or_default().chars().take(LONGEST).collect()
        };
        Some(Record {
            number,
            at: attribute(&system.time_created, "SystemTime").and_then(|at| at.parse().ok()),
            provider: attribute(&system.provider, "Name").unwrap_or_default(),
            id: scalar(text_of(&system.event_id))?.parse().ok()?,
            channel: kept(&system.channel),
            computer: kept(&system.computer),
            ..Record::default()
        })
    }
}

/// A record, whatever it is about.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Record {
    pub(super) number: u64,
    pub(super) at: Option<Timestamp>,
    pub(super) provider: String,
    pub(super) id: u32,
    pub(super) channel: String,
    pub(super) computer: String,
    pub(super) activity: Option<String>,
    named: Vec<(String, String)>,
    placed: Vec<String>,
}

impl Record {
    /// Reads what the event's JSON holds beyond its head.
    pub(super) fn read_on(&mut self, json: &Value) {
        let Some(event) = json.get("Event") else { return };
        self.activity = event
            .pointer("/System/Correlation")
            .and_then(|correlation| attribute(correlation, "ActivityID"))
            .map(|activity| activity.to_ascii_lowercase());
        for data in ["EventData", "UserData"].iter().filter_map(|name| event.get(name)) {
            self.flatten("", data, DEPTH);
        }
    }

    fn flatten(&mut self, name: &str, value: &Value, depth: u8) {
        if depth == 0 || self.named.len() + self.placed.len() >= FIELDS {
            return;
        }
        match value {
            Value::Object(fields) => {
                for (field, value) in fields.iter().filter(|(key, _)| *key != ATTRIBUTES) {
                    // Fields without a name stand in `Data`, their texts under `#text`.
                    let name = if field == "#text" { name } else { field };
                    self.flatten(name, value, depth - 1);
                }
            }
            Value::Array(values) => {
                values.iter().for_each(|value| self.flatten(name, value, depth - 1));
            }
            value => match scalar(value) {
                Some(text) if name == "Data" => self.placed.push(text),
                Some(text) => self.named.push((name.to_owned(), text)),
                None => {}
            },
        }
    }

    /// The first of these fields that is there and says something.
    pub(super) fn field(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| {
            let found = self.named.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
            found.map(|(_, text)| text.trim()).filter(|text| !text.is_empty() && *text != "-")
        })
    }

    /// The field at this place among those without a name.
    pub(super) fn place(&self, index: usize) -> Option<&str> {
        self.placed.get(index).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    /// A number, decimal or hexadecimal. A signed one keeps its bits.
    pub(super) fn number(&self, names: &[&str]) -> Option<u32> {
        self.field(names).and_then(number)
    }

    /// An address, with or without a port behind it.
    pub(super) fn address(&self, names: &[&str]) -> Option<IpAddr> {
        address(self.field(names)?)
    }

    /// A port: behind an address, or in a field of its own.
    pub(super) fn port(&self, behind: &[&str], own: &[&str]) -> Option<u16> {
        let place = self.field(behind).and_then(|text| text.parse::<SocketAddr>().ok());
        let port = place.map(|place| place.port());
        let own = || self.number(own).and_then(|port| u16::try_from(port).ok());
        port.or_else(own).filter(|&port| port != 0)
    }

    /// The bytes behind the event.
    pub(super) fn binary(&self) -> Vec<u8> {
        let text = self.field(&["Binary"]).unwrap_or_default();
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let pairs = text.as_bytes().as_chunks::<2>().0.iter();
        pairs.map_while(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
    }
}

/// A decimal or hexadecimal number; `%%1311` is how an event names a message by its number.
pub(super) fn number(text: &str) -> Option<u32> {
    let text = text.trim().trim_start_matches("%%");
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse::<i64>().ok().and_then(|value| match i32::try_from(value) {
            Ok(signed) => Some(u64::from(signed.cast_unsigned())),
            Err(_) => u64::try_from(value).ok(),
        }),
    }
    .and_then(|value| u32::try_from(value).ok())
}

fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_matches(['[', ']']);
    let zoneless = bare.split('%').next().unwrap_or(bare);
    let address = zoneless.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))?;
    let IpAddr::V6(v6) = address else { return known(address) };
    known(v6.to_ipv4_mapped().map_or(address, IpAddr::V4))
}

/// Windows writes 0.0.0.0 where it does not know.
fn known(address: IpAddr) -> Option<IpAddr> {
    (!address.is_unspecified()).then_some(address)
}

/// An attribute of an element, as the parser writes it.
fn attribute(element: &Value, name: &str) -> Option<String> {
    element.get(ATTRIBUTES)?.get(name).and_then(scalar)
}

/// The text of an element: it stands by itself where there are attributes.
fn text_of(element: &Value) -> &Value {
    element.get("#text").unwrap_or(element)
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.chars().take(LONGEST).collect()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}
