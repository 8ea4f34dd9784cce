//! A record's fields, by name where they have one and by place where not.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use rdpdoctor_model::Timestamp;

/// A record, whatever it is about; its texts are those of the parser's JSON, where they stand there as
/// they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Record<'j> {
    pub(super) number: u64,
    pub(super) at: Option<Timestamp>,
    pub(super) provider: Cow<'j, str>,
    pub(super) id: u32,
    pub(super) channel: Cow<'j, str>,
    pub(super) computer: Cow<'j, str>,
    pub(super) activity: Option<String>,
    pub(super) named: Vec<(Cow<'j, str>, Cow<'j, str>)>,
    pub(super) placed: Vec<Cow<'j, str>>,
}

impl Record<'_> {
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
