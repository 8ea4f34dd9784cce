//! What kind a file is of, by its content: names lie, and a ticket system renames what it stores.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::text::{Encoding, decode};

/// So many bytes from a file's beginning are enough to tell its kind.
pub const HEAD: usize = 64 * 1024;

/// Lines of a text that are looked at.
const LINES: usize = 400;

/// Names in a JSON object that are looked at.
const KEYS: usize = 200;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A packet capture in libpcap's format.
    Pcap,
    /// A packet capture in the newer format of Wireshark.
    PcapNg,
    /// A Windows event log.
    Evtx,
    /// A Remote Desktop file.
    RdpFile,
    /// A document that rdpdoctor wrote.
    Document,
    /// Facts of a host or client, collected to be judged elsewhere.
    Facts,
    /// A cloud's listing of security groups or firewall rules.
    CloudRules,
    /// Packed by a program that people know.
    Packed,
    /// Nothing at all.
    Empty,
    /// Text of no known kind.
    Text,
    /// Something else.
    Unknown,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pcap => "a packet capture (pcap)",
            Self::PcapNg => "a packet capture (pcapng)",
            Self::Evtx => "a Windows event log (evtx)",
            Self::RdpFile => "an .rdp file",
            Self::Document => "a saved rdpdoctor document",
            Self::Facts => "a collection of facts",
            Self::CloudRules => "a cloud's rule listing",
            Self::Packed => "a packed file",
            Self::Empty => "an empty file",
            Self::Text => "text of no kind that rdpdoctor knows",
            Self::Unknown => "a file of no kind that rdpdoctor knows",
        })
    }
}

/// Decides by the first bytes, [`HEAD`] of them or the whole file.
pub fn sniff(head: &[u8]) -> Kind {
    if head.is_empty() {
        return Kind::Empty;
    }
    MAGIC
        .iter()
        .find(|(magic, _)| head.starts_with(magic))
        .map_or_else(|| by_text(head), |(_, kind)| *kind)
}

/// First bytes that stand for a kind.
const MAGIC: &[(&[u8], Kind)] = &[
    // draft-ietf-opsawg-pcap 4: both byte orders, micro- and nanoseconds.
    (&[0xA1, 0xB2, 0xC3, 0xD4], Kind::Pcap),
    (&[0xD4, 0xC3, 0xB2, 0xA1], Kind::Pcap),
    (&[0xA1, 0xB2, 0x3C, 0x4D], Kind::Pcap),
    (&[0x4D, 0x3C, 0xB2, 0xA1], Kind::Pcap),
    // Section Header Block, the same in both byte orders (draft-ietf-opsawg-pcapng 4.1).
    (&[0x0A, 0x0D, 0x0D, 0x0A], Kind::PcapNg),
    (b"ElfFile\0", Kind::Evtx),
    (&[0x1F, 0x8B], Kind::Packed),
    (b"PK\x03\x04", Kind::Packed),
    (b"\xFD7zXZ\0", Kind::Packed),
    (b"BZh", Kind::Packed),
    (&[0x28, 0xB5, 0x2F, 0xFD], Kind::Packed),
    (b"7z\xBC\xAF\x27\x1C", Kind::Packed),
];

/// How each part of a collection of facts begins that was handed back in the output of a command.
pub const PART: &str = "[rdpdoctor1 ";

fn by_text(head: &[u8]) -> Kind {
    let decoded = decode(head);
    let text = decoded.text.trim_start();
    // Whatever a cloud puts around it, zeros of a serial port and a terminal's ends of lines included.
    let part = text.contains(PART) || text.replace(['\r', '\n'], "").contains(PART);
    if part && !text.contains("\"schema_version\"") {
        return Kind::Facts;
    }
    // A zero is no character of a text, whatever it is written in.
    if text.contains('\0') || (decoded.encoding == Encoding::Other && binary(text)) {
        return Kind::Unknown;
    }
    if text.starts_with(['{', '[']) {
        // `az network nic list-effective-nsg` wraps its groups in a `value`, as much else does.
        let wrapped = text.contains("\"effectiveSecurityRules\"").then_some(Kind::CloudRules);
        return by_keys(&keys(text)).or(wrapped).unwrap_or(Kind::Text);
    }
    if is_rdp_file(text) { Kind::RdpFile } else { Kind::Text }
}

fn binary(text: &str) -> bool {
    text.chars().any(|c| c.is_control() && !matches!(c, '\r' | '\n' | '\t' | '\u{80}'..='\u{9F}'))
}

/// Whether the lines are settings, `name:type:value`. One line that names where to go is enough,
/// so that a file with a missing type is still known; of others more than half must have the form.
fn is_rdp_file(text: &str) -> bool {
    let (mut lines, mut settings) = (0_usize, 0_usize);
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()).take(LINES) {
        let mut parts = line.splitn(3, ':').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let kind = parts.next();
        if kind.is_some() && matches!(name.as_str(), "full address" | "alternate full address") {
            return true;
        }
        lines += 1;
        let letter = kind
            .is_some_and(|kind| kind.len() == 1 && kind.bytes().all(|b| b.is_ascii_alphabetic()));
        settings += usize::from(letter && parts.next().is_some() && !name.contains(['<', '/']));
    }
    settings * 2 > lines
}

/// What a JSON text is by the names in its outermost object, or in the first object of its list.
fn by_keys(keys: &[String]) -> Option<Kind> {
    let has = |name: &str| keys.iter().any(|key| key == name);
    if has("schema_version") && (has("verdict") || has("observations")) {
        Some(Kind::Document)
    } else if has("facts") {
        Some(Kind::Facts)
    } else if CLOUD.iter().any(|names| names.iter().all(|name| has(name))) {
        Some(Kind::CloudRules)
    } else if has("schema_version") || OWN.iter().filter(|name| has(name)).count() > 1 {
        // A document of a later version may be laid out anew; one whose names were put in order has
        // its version behind its observations.
        Some(Kind::Document)
    } else {
        None
    }
}

/// Names of a document of ours.
const OWN: &[&str] = &["attempts", "elapsed_ms", "findings", "next_tests", "observations"];

/// Names that stand together in a cloud's listing.
const CLOUD: &[&[&str]] = &[
    // aws ec2 describe-security-groups, describe-network-acls
    &["SecurityGroups"],
    &["NetworkAclId", "Entries"],
    &["SecurityGroupRules"],
    &["NetworkAcls"],
    &["IpPermissions", "GroupId"],
    // az network nsg show, nsg rule list, nic list-effective-nsg
    &["securityRules"],
    &["destinationPortRange", "direction"],
    &["effectiveSecurityRules"],
    // az network watcher test-ip-flow
    &["access", "ruleName"],
    &["effectiveNetworkSecurityGroups"],
    // gcloud compute firewall-rules list
    &["direction", "network", "sourceRanges"],
    &["allowed", "network"],
    &["denied", "network"],
];

/// The names in the outermost object, as far as the text goes: a head ends anywhere.
fn keys(text: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let mut json = serde_json::Deserializer::from_str(text);
    // That the text is cut is no reason to forget what was read until then.
    let _ = Keys(&mut keys).deserialize(&mut json);
    keys
}

struct Keys<'a>(&'a mut Vec<String>);

impl<'de> DeserializeSeed<'de> for Keys<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if self.0.len() < KEYS {
                self.0.push(key);
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Keys(keys) = self;
        list.next_element_seed(Keys(keys))?;
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn kinds_by_content() {
        for (bytes, kind) in [
            (&b"\xD4\xC3\xB2\xA1\x02\x00\x04\x00"[..], Kind::Pcap),
            (b"\x4D\x3C\xB2\xA1\x02\x00\x04\x00", Kind::Pcap),
            (b"\x0A\x0D\x0D\x0A\x1C\x00\x00\x00", Kind::PcapNg),
            (b"ElfFile\0\0\0", Kind::Evtx),
            (b"full address:s:pc42\r\n", Kind::RdpFile),
            (b"\xEF\xBB\xBFfull address:s:pc42\r\n", Kind::RdpFile),
            (b"screen mode id:i:2\nuse multimon:i:0\n", Kind::RdpFile),
            (b"full address:pc42\n", Kind::RdpFile),
            (b"{\"schema_version\": 1, \"verdict\": {}}", Kind::Document),
            (b"{\"attempts\": [], \"elapsed_ms\": 7, \"findings\": [{\"cause\"", Kind::Document),
            (b"{\"attempts\": []}", Kind::Text),
            (b"{\"facts\": {}}", Kind::Facts),
            (b"{\"message\": \"[stdout]\\n[rdpdoctor1 host 0a1b2c 1/1 z 9 0011]", Kind::Facts),
            (b"UEFI\0\x1B[2J GCE: [rdpdoctor1 host 0a1b2c 1/1 z 9 0011]H4s", Kind::Facts),
            (b"{\"message\": \"[rdpdoctor]\"}", Kind::Text),
            (b"{\"SecurityGroups\": []}", Kind::CloudRules),
            (b"{\"NetworkAcls\": []}", Kind::CloudRules),
            (
                b"[{\"direction\": \"Inbound\", \"destinationPortRange\": \"3389\"}]",
                Kind::CloudRules,
            ),
            (b"\x1F\x8B\x08\x00", Kind::Packed),
            (b"{\"access\": \"Deny\", \"ruleName\": \"UserRule_x\"}", Kind::CloudRules),
            (b"{\"value\": [{\"effectiveSecurityRules\": []}]}", Kind::CloudRules),
            (b"{\"value\": []}", Kind::Text),
            (b"", Kind::Empty),
            (b"{\"a\": 1}", Kind::Text),
            (b"<html><body style=\"a:b:c\">\n</body></html>", Kind::Text),
            (b"2026-11-01 10:00:00 started\n", Kind::Text),
            (b"\x7FELF\x02\x01\x01\0\0\0\0", Kind::Unknown),
            (b"\x89PNG\r\n\x1A\n", Kind::Unknown),
        ] {
            assert_eq!(sniff(bytes), kind, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn text_as_powershell_and_mstsc_write_it() {
        let utf16 = |text: &str| -> Vec<u8> {
            "\u{FEFF}"
                .encode_utf16()
                .chain(text.encode_utf16())
                .flat_map(u16::to_le_bytes)
                .collect()
        };
        assert_eq!(sniff(&utf16("full address:s:pc42\r\n")), Kind::RdpFile);
        let document = "{\r\n  \"schema_version\": 1, \"observations\": [";
        assert_eq!(sniff(&utf16(document)), Kind::Document, "cut in the middle");
    }

    proptest! {
        #[test]
        fn anything_has_a_kind(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let _ = sniff(&bytes);
        }

        #[test]
        fn deep_json_does_not_exhaust_the_stack(depth in 0_usize..60_000) {
            let _ = sniff("[".repeat(depth).as_bytes());
        }
    }
}
