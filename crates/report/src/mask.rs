//! Pseudonyms for what names people, machines and places, the same in every output and every run.

mod everybodys;
mod machine;
mod patterns;
mod pseudonym;
#[cfg(test)]
mod tests;
mod vocabulary;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::{Map, Value};

use self::everybodys::{
    EVERYBODYS, is_common_top_label, is_everybodys_interface, is_public_authority,
    is_public_issuer, names_hosts,
};
use self::patterns::{address_at, hardware_at, profile_at, sid_at};
pub(crate) use self::pseudonym::mask_file;
use self::pseudonym::{Kind, domain_pseudonym, is_pseudonym, pseudonym, thumbprint};
use self::vocabulary::Vocabulary;
use crate::Document;

/// Why a document could not be masked. Nothing is shown then: half a mask is none.
#[derive(Debug)]
pub struct MaskError(serde_json::Error);

impl std::fmt::Display for MaskError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the document could not be masked: {}", self.0)
    }
}

impl std::error::Error for MaskError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// Replaces users, domains, hosts, addresses, SIDs, serials and fingerprints by pseudonyms.
///
/// A pseudonym depends on the original alone, so it is the same in every output and every run, and
/// two masked documents can be compared. It keeps a report from naming anybody; who suspects a name
/// can still hash it and look, as with anything that is stable and has no key.
///
/// An address becomes one of its own class: private stays private, link-local stays link-local, so
/// that a masked document is judged as the original was. Loopback, multicast and documentation
/// addresses stay as they are, as do names of public certification authorities and SIDs that every
/// Windows has.
#[derive(Debug, Clone, Default)]
pub struct Masker {
    /// The original, its case folded, and its pseudonym.
    names: BTreeMap<Vec<char>, String>,
    /// Lengths of the originals by their first character, to look only where one can begin.
    lengths: BTreeMap<char, BTreeSet<usize>>,
}

impl Masker {
    /// A masker that knows nothing but patterns (addresses, SIDs, profile paths).
    pub fn new() -> Self {
        Self::default()
    }

    /// A masker that knows the names of `document`.
    ///
    /// # Errors
    /// When the document does not serialise.
    pub fn of(document: &Document) -> Result<Self, MaskError> {
        let mut masker = Self::new();
        masker.learn(document)?;
        Ok(masker)
    }

    /// Takes in the names of one more document, so that several can be masked alike.
    ///
    /// # Errors
    /// When the document does not serialise.
    pub fn learn(&mut self, document: &Document) -> Result<(), MaskError> {
        let value = serde_json::to_value(document).map_err(MaskError)?;
        self.host(&document.target.host);
        for attempt in &document.attempts {
            self.host(&attempt.target.host);
        }
        if let Some(via) = &document.target.via {
            self.host_of_url(via);
        }
        self.collect(&value);
        Ok(())
    }

    /// The document with every original replaced.
    ///
    /// # Errors
    /// When what comes out is no document any more; then nothing must be shown.
    pub fn mask(&self, document: &Document) -> Result<Document, MaskError> {
        let mut value = serde_json::to_value(document).map_err(MaskError)?;
        let vocabulary = Vocabulary::of_schema();
        self.replace(&mut value, None, &vocabulary);
        self.mask_input(&mut value, document);
        serde_json::from_value(value).map_err(MaskError)
    }

    /// What the user typed may be the path of a file that says more than the host's name.
    fn mask_input(&self, value: &mut Value, document: &Document) {
        let is_host = document.target.input.parse::<rdpdoctor_model::Target>().is_ok();
        if !is_host && let Some(input) = value["target"]["input"].as_str() {
            value["target"]["input"] = Value::from(mask_file(input));
        }
    }

    // ── learning ────────────────────────────────────────────────────────────────────────────────

    fn add(&mut self, kind: Kind, name: &str) {
        self.add_as(name, pseudonym(kind, name));
    }

    /// The first one to name an original decides its pseudonym.
    fn add_as(&mut self, name: &str, pseudonym: String) {
        let key = fold(name.trim().chars());
        let text: String = key.iter().collect();
        // One character stands in every sentence; what is masked already stays.
        if key.len() < 2 || EVERYBODYS.contains(&text.as_str()) || is_pseudonym(&text) {
            return;
        }
        if let Some(first) = key.first() {
            self.lengths.entry(*first).or_default().insert(key.len());
        }
        self.names.entry(key).or_insert(pseudonym);
    }

    /// A host's name, alone and with its domain. Every label is hashed on its own, so that `pc42`,
    /// `pc42.corp.example` and the domain `CORP` still belong together.
    fn host(&mut self, name: &str) {
        let name = name.trim().trim_start_matches("*.").trim_end_matches('.');
        if name.is_empty() || name.parse::<IpAddr>().is_ok() || name.contains([' ', '/', ':']) {
            return;
        }
        let Some((label, domain)) = name.split_once('.') else { return self.add(Kind::Host, name) };
        self.add_as(name, format!("{}.{}", pseudonym(Kind::Host, label), domain_pseudonym(domain)));
        self.add(Kind::Host, label);
        self.domain(domain);
    }

    /// A domain's name and those above it, down to two labels.
    fn domain(&mut self, name: &str) {
        let name = name.trim().trim_end_matches('.');
        if name.is_empty() || name.parse::<IpAddr>().is_ok() {
            return;
        }
        let Some((_, above)) = name.split_once('.') else {
            if !is_common_top_label(name) {
                self.add(Kind::Domain, name);
            }
            return;
        };
        self.add_as(name, domain_pseudonym(name));
        if above.contains('.') {
            self.domain(above);
        }
    }

    /// `DOMAIN\user`, `user@realm` or `user`.
    fn user(&mut self, name: &str) {
        let (domain, user) = match (name.split_once('\\'), name.rsplit_once('@')) {
            (Some((domain, user)), _) | (None, Some((user, domain))) => (Some(domain), user),
            (None, None) => (None, name),
        };
        if let Some(domain) = domain {
            self.domain(domain);
        }
        self.add(Kind::User, user);
    }

    fn host_of_url(&mut self, url: &str) {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        let host = match authority.rsplit_once('@') {
            Some((user, host)) => {
                self.user(user.split(':').next().unwrap_or(user));
                host
            }
            None => authority,
        };
        // What is in brackets is an address, and known by its form.
        if !host.starts_with('[') {
            self.host(host.split(':').next().unwrap_or(host));
        }
    }

    /// The parts of a distinguished name (RFC 4514) that name somebody.
    fn distinguished_name(&mut self, name: &str) {
        for part in split_unescaped(name) {
            let Some((attribute, value)) = part.split_once('=') else { continue };
            let (escaped, value) = (value, value.replace('\\', ""));
            match attribute.trim().to_uppercase().as_str() {
                "CN" if value.contains(' ') || value.to_uppercase().ends_with("-CA") => {
                    self.spellings(Kind::Authority, &value, escaped);
                }
                "CN" => self.host(&value),
                "O" | "OU" | "L" => self.spellings(Kind::Organisation, &value, escaped),
                "DC" => self.domain(&value),
                "UID" | "EMAILADDRESS" | "E" => self.user(&value),
                _ => {}
            }
        }
    }

    /// A name of several words: as it is, as distinguished names escape it, and as URLs do.
    fn spellings(&mut self, kind: Kind, name: &str, escaped: &str) {
        let pseudonym = pseudonym(kind, name);
        for spelling in [name, escaped, &name.replace(' ', "%20"), &name.replace(' ', "+")] {
            self.add_as(spelling, pseudonym.clone());
        }
    }

    /// Finds names by the fields that hold them, in kinds of today and of later versions.
    fn collect(&mut self, value: &Value) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.collect(value)),
            Value::Object(fields) => {
                let kind = fields.get("kind").and_then(Value::as_str).unwrap_or_default();
                self.rdp_file(kind, fields);
                self.machine(kind, fields);
                for (key, value) in fields {
                    match key.as_str() {
                        "name" | "names" if names_hosts(kind) => {
                            strings(value).for_each(|name| self.host(name));
                        }
                        "label" if kind == "listed-bastion" => {
                            strings(value).for_each(|name| self.common_name(name));
                        }
                        "host" if kind == "gateway" => {
                            strings(value).for_each(|name| self.host(name));
                        }
                        "text" if kind == "gateway-message" => {
                            strings(value).for_each(|text| self.hosts_in_banner(text));
                        }
                        "canonical_name" | "server_name" | "dns_computer" | "netbios_computer"
                        | "dns_names" | "computer" | "computers" | "workstation" | "proxy_host" => {
                            strings(value).for_each(|name| self.common_name(name));
                        }
                        "netbios_domain" | "dns_domain" | "dns_forest" | "target_name"
                        | "domain" | "realm" => {
                            strings(value).for_each(|name| self.domain(name));
                        }
                        "cookie" | "user" | "user_name" | "account" => {
                            strings(value).for_each(|name| self.user(name));
                        }
                        "subject" | "subject_common_name" if is_public_authority(fields) => {}
                        "issuer" if strings(value).any(is_public_issuer) => {}
                        "subject" | "issuer" => {
                            strings(value).for_each(|name| self.distinguished_name(name));
                        }
                        "subject_common_name" => {
                            strings(value).for_each(|name| self.common_name(name));
                        }
                        "interface" if !is_everybodys_interface(value) => {
                            strings(value).for_each(|name| self.add(Kind::Interface, name));
                        }
                        "serial" => strings(value).for_each(|text| self.add(Kind::Serial, text)),
                        "sha1" | "sha256" | "thumbprint" => {
                            strings(value).for_each(|text| self.add(Kind::Fingerprint, text));
                        }
                        "routing_token" => {
                            strings(value).for_each(|text| self.add(Kind::Token, text));
                        }
                        "destination" => strings(value).for_each(|to| self.host_of_url(to)),
                        "crl_urls" | "ocsp_urls" | "url" => {
                            strings(value)
                                .filter(|url| !is_public_issuer(url))
                                .for_each(|url| self.addresses_of_authority(url));
                        }
                        "said" => strings(value).for_each(|text| self.hosts_in_banner(text)),
                        _ => {}
                    }
                    self.collect(value);
                }
            }
            _ => {}
        }
    }

    /// What an `.rdp` file names: the fields of its settings say by themselves nothing of whose the
    /// value is.
    fn rdp_file(&mut self, kind: &str, fields: &Map<String, Value>) {
        let text = |key: &str| fields.get(key).and_then(Value::as_str).unwrap_or_default();
        match (kind, text("setting")) {
            ("rdp-file-address" | "rdp-file-gateway", _) => {
                self.host(text("host"));
                self.host(text("other_host"));
            }
            ("rdp-file-user", _) => {
                // Behind a bastion the user's name holds two computers.
                text("user").split(['@', '#', '%']).skip(1).for_each(|name| self.host_of_url(name));
            }
            ("rdp-file-problem", "full address" | "alternate full address" | "gatewayhostname") => {
                self.add(Kind::Host, text("value"));
                self.host_of_url(text("value"));
            }
            ("rdp-file-setting", "kdcproxyname") => self.host_of_url(text("value")),
            ("rdp-file-setting", "loadbalanceinfo") => self.add(Kind::Token, text("value")),
            _ => {}
        }
    }

    /// Where an authority of one's own keeps its lists: `http://host/...` or `ldap:///CN=...`.
    fn addresses_of_authority(&mut self, url: &str) {
        match url.split_once(":///") {
            Some((_, name)) => self.distinguished_name(name.split('?').next().unwrap_or(name)),
            None => self.host_of_url(url),
        }
    }

    /// A certificate's common name: a host's name, or that of whatever it was made for.
    fn common_name(&mut self, name: &str) {
        if name.contains(' ') {
            self.spellings(Kind::Authority, name, name);
        } else {
            self.host(name);
        }
    }

    /// Mail and other servers greet with their name.
    fn hosts_in_banner(&mut self, text: &str) {
        for word in text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-'))) {
            let top = word.rsplit('.').next().unwrap_or_default();
            let is_name = word.contains('.')
                && top.len() >= 2
                && top.bytes().all(|b| b.is_ascii_alphabetic());
            if is_name {
                self.host(word);
            }
        }
    }

    // ── replacing ───────────────────────────────────────────────────────────────────────────────

    fn replace(&self, value: &mut Value, key: Option<&str>, vocabulary: &Vocabulary) {
        match value {
            Value::String(text) => match key {
                Some(key) if vocabulary.has(key, text) => {}
                Some("file") => *text = mask_file(&self.text(text)),
                Some("bytes") => *text = self.bytes(text),
                _ => *text = self.text(text),
            },
            Value::Array(values) => {
                values.iter_mut().for_each(|value| self.replace(value, key, vocabulary));
            }
            Value::Object(fields) => self.replace_fields(fields, vocabulary),
            _ => {}
        }
    }

    fn replace_fields(&self, fields: &mut Map<String, Value>, vocabulary: &Vocabulary) {
        if fields.get("type").and_then(Value::as_str) == Some("binary")
            && let Some(Value::String(hex)) = fields.get_mut("data")
        {
            let known = self.text(hex);
            let is_hex = known.bytes().all(|digit| digit.is_ascii_hexdigit());
            *hex = match (is_hex, known == *hex) {
                (true, false) => known,
                (false, _) => thumbprint(hex),
                (true, true) => self.bytes(hex),
            };
            return;
        }
        for (key, value) in fields {
            self.replace(value, Some(key), vocabulary);
        }
    }

    /// Any text with the originals replaced: known names as whole words, longest first, whatever
    /// their case; addresses, SIDs, hardware addresses and profile paths by their form.
    pub fn text(&self, text: &str) -> String {
        let chars: Vec<char> = text.chars().collect();
        let mut out = String::with_capacity(text.len());
        let mut position = 0;
        while position < chars.len() {
            let previous = position.checked_sub(1).map(|before| chars[before]);
            if !previous.is_some_and(char::is_alphanumeric) {
                let found = self
                    .name_at(&chars[position..])
                    .or_else(|| sid_at(&chars[position..]))
                    .or_else(|| hardware_at(&chars[position..]))
                    .or_else(|| address_at(&chars[position..], previous))
                    .or_else(|| profile_at(&chars[position..], previous));
                if let Some((length, pseudonym)) = found {
                    out.push_str(&pseudonym);
                    position += length;
                    continue;
                }
            }
            out.push(chars[position]);
            position += 1;
        }
        out
    }

    /// The longest known name that begins here and ends with a word.
    fn name_at(&self, rest: &[char]) -> Option<(usize, String)> {
        let first = fold(rest.first().copied()).pop()?;
        self.lengths.get(&first)?.iter().rev().find_map(|&length| {
            let ends = rest.get(length).is_none_or(|next| !next.is_alphanumeric());
            let candidate = rest.get(..length).filter(|_| ends)?;
            let pseudonym = self.names.get(&fold(candidate.iter().copied()))?;
            Some((length, pseudonym.clone()))
        })
    }

    /// Bytes of a message, in hexadecimal: names inside, in ASCII or UTF-16, are overwritten.
    fn bytes(&self, hex: &str) -> String {
        let digits: Option<Vec<u8>> =
            hex.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
        let Some(digits) = digits.filter(|digits| digits.len() % 2 == 0) else {
            return self.text(hex);
        };
        let original: Vec<u8> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        let lower = original.to_ascii_lowercase();
        let mut masked = original;
        for name in self.names.keys() {
            let name: String = name.iter().collect();
            let wide: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
            for needle in [name.as_bytes(), &wide] {
                let found = lower.windows(needle.len()).enumerate();
                for (start, _) in found.filter(|(_, window)| *window == needle) {
                    masked[start..start + needle.len()].fill(b'x');
                }
            }
        }
        masked.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The strings in a value: itself, those of a list, those of a look-up.
fn strings(value: &Value) -> Box<dyn Iterator<Item = &str> + '_> {
    match value {
        Value::String(text) => Box::new(std::iter::once(text.as_str())),
        Value::Array(values) => Box::new(values.iter().flat_map(strings)),
        Value::Object(fields) => Box::new(fields.get("value").into_iter().flat_map(strings)),
        _ => Box::new(std::iter::empty()),
    }
}

/// Characters without their case, one for one.
fn fold(chars: impl IntoIterator<Item = char>) -> Vec<char> {
    chars.into_iter().map(|c| c.to_lowercase().next().unwrap_or(c)).collect()
}

/// A distinguished name's parts; a comma behind a backslash separates nothing (RFC 4514 2.4).
fn split_unescaped(name: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (position, c) in name.char_indices() {
        if matches!(c, ',' | '+') && !escaped {
            parts.push(&name[start..position]);
            start = position + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    parts.push(&name[start..]);
    parts
}
