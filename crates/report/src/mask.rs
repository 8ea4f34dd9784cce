//! Pseudonyms for what names people, machines and places, the same in every output and every run.

mod machine;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::{Document, schema};

/// Separates these hashes from those of anything else. It is no secret, and cannot be one: the same
/// name has to become the same pseudonym on two machines that know nothing of each other.
const SALT: &str = "rdpdoctor pseudonym 1:";

/// Words in the names of public certification authorities and of vendors of TLS inspection: who
/// issued a certificate is evidence, and these are no customer's name.
const PUBLIC_ISSUERS: [&str; 46] = [
    "actalis",
    "amazon",
    "baltimore",
    "buypass",
    "certigna",
    "certum",
    "cisco",
    "cloudflare",
    "comodo",
    "d-trust",
    "digicert",
    "entrust",
    "forcepoint",
    "fortinet",
    "geotrust",
    "globalsign",
    "godaddy",
    "google trust services",
    "harica",
    "identrust",
    "isrg",
    "lencr.org",
    "let's encrypt",
    "letsencrypt",
    "mcafee",
    "microsoft",
    "netskope",
    "palo alto",
    "pki.goog",
    "quovadis",
    "rapidssl",
    "sectigo",
    "securetrust",
    "sophos",
    "ssl.com",
    "starfield",
    "swisssign",
    "symantec",
    "t-telesec",
    "telekom security",
    "thawte",
    "trustwave",
    "usertrust",
    "verisign",
    "zerossl",
    "zscaler",
];

/// Last labels of names that say nothing about whose they are; so do those of two letters.
const COMMON_TOP_LABELS: [&str; 19] = [
    "arpa",
    "biz",
    "cloud",
    "com",
    "corp",
    "edu",
    "example",
    "gov",
    "home",
    "info",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "net",
    "org",
    "test",
];

/// Names that every machine or every directory has, the containers in which a directory publishes
/// its revocation lists among them.
const EVERYBODYS: [&str; 11] = [
    "localhost",
    "localdomain",
    "workgroup",
    "builtin",
    "local",
    "cdp",
    "aia",
    "certification authorities",
    "public key services",
    "services",
    "configuration",
];

/// What a name belongs to; the pseudonym says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Host,
    Domain,
    User,
    Organisation,
    Authority,
    Serial,
    Fingerprint,
    Token,
    Sid,
    Hardware,
    Interface,
    File,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Domain => "domain",
            Self::User => "user",
            Self::Organisation => "org",
            Self::Authority => "ca",
            Self::Serial => "serial",
            Self::Fingerprint => "fingerprint",
            Self::Token => "token",
            Self::Sid => "sid",
            Self::Hardware => "mac",
            Self::Interface => "interface",
            Self::File => "file",
        }
    }
}

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

/// The words that the schema itself defines, by the field they stand in: a host called `server`
/// must not turn the sender `server` into a pseudonym.
struct Vocabulary(BTreeMap<String, BTreeSet<String>>);

impl Vocabulary {
    fn of_schema() -> Self {
        let schema = schema();
        let mut words = BTreeMap::new();
        collect_words(&schema, &schema, &mut words);
        Self(words)
    }

    /// Identifiers of the catalogue and of observations are no names either.
    fn has(&self, key: &str, text: &str) -> bool {
        matches!(key, "id" | "cause" | "evidence" | "version" | "references")
            || self.0.get(key).is_some_and(|words| words.contains(text))
    }
}

/// Walks all objects of the schema and notes for each property the constants it may be.
fn collect_words(root: &Value, node: &Value, words: &mut BTreeMap<String, BTreeSet<String>>) {
    match node {
        Value::Object(fields) => {
            if let Some(Value::Object(properties)) = fields.get("properties") {
                for (key, property) in properties {
                    constants(root, property, words.entry(key.clone()).or_default());
                }
            }
            fields.values().for_each(|value| collect_words(root, value, words));
        }
        Value::Array(values) => values.iter().for_each(|value| collect_words(root, value, words)),
        _ => {}
    }
}

fn constants(root: &Value, property: &Value, into: &mut BTreeSet<String>) {
    into.extend(property.get("const").and_then(Value::as_str).map(str::to_owned));
    into.extend(property.get("enum").into_iter().flat_map(strings).map(str::to_owned));
    for key in ["oneOf", "anyOf", "allOf"] {
        let alternatives = property.get(key).and_then(Value::as_array);
        alternatives.into_iter().flatten().for_each(|other| constants(root, other, into));
    }
    let target = property.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix('#'));
    if let Some(target) = target.and_then(|pointer| root.pointer(pointer)) {
        constants(root, target, into);
    }
}

/// Whether a distinguished name is that of a public authority or of a known inspector. An authority
/// of somebody's own directory has domain components (DC), whatever else its name says.
fn is_public_issuer(name: &str) -> bool {
    let name = name.to_lowercase();
    !name.contains("dc=") && PUBLIC_ISSUERS.iter().any(|word| name.contains(word))
}

/// Whether the fields are those of a public authority's own certificate.
fn is_public_authority(certificate: &Map<String, Value>) -> bool {
    let is_ca = certificate.get("is_ca").and_then(Value::as_bool).unwrap_or_default();
    let subject = certificate.get("subject").and_then(Value::as_str).unwrap_or_default();
    is_ca && is_public_issuer(subject)
}

/// Kinds whose `name` is a host's; a service or a file has one too.
fn names_hosts(kind: &str) -> bool {
    matches!(
        kind,
        "this-machine"
            | "name-resolved"
            | "name-failed"
            | "dns-answer"
            | "hosts-file"
            | "reverse-name"
    )
}

/// Names of interfaces that say nothing: what systems call them by themselves (`eth0`, `wlp3s0`,
/// `Ethernet 2`), and words that stand in sentences. A VPN's is often its company's name.
fn is_everybodys_interface(value: &Value) -> bool {
    const BEGINNINGS: [&str; 26] = [
        "eth", "en", "ens", "eno", "enp", "enx", "wl", "wlan", "wlp", "wwan", "wwp", "tun", "tap",
        "utun", "wg", "ppp", "veth", "br", "virbr", "docker", "bond", "lo", "ethernet", "wi-fi",
        "wlo", "sit",
    ];
    const WORDS: [&str; 8] =
        ["vpn", "lan", "wan", "internet", "network", "ethernet", "wi-fi", "bridge"];
    let name = value.as_str().unwrap_or_default().to_lowercase();
    let counted = |begin: &&str| {
        name.strip_prefix(*begin).is_some_and(|rest| {
            // Places on the bus and numbers: `p3s0`, `0.100`, ` 2`.
            rest.chars().all(|c| c.is_ascii_digit() || matches!(c, 'p' | 's' | 'f' | '.' | ' '))
        })
    };
    WORDS.contains(&name.as_str()) || BEGINNINGS.iter().any(counted)
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

fn hash(original: &str) -> [u8; 32] {
    Sha256::digest(format!("{SALT}{}", original.trim().to_lowercase())).into()
}

/// `host-3f2a41`: the kind and 24 bits of the original's hash.
fn pseudonym(kind: Kind, original: &str) -> String {
    let hash = hash(original);
    format!("{}-{:02x}{:02x}{:02x}", kind.word(), hash[0], hash[1], hash[2])
}

/// A thumbprint's pseudonym, which is one as well: 40 hexadecimal digits.
fn thumbprint(original: &str) -> String {
    hash(original).iter().take(20).map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a name is a pseudonym already.
fn is_pseudonym(name: &str) -> bool {
    name.split('.').next().and_then(|label| label.rsplit_once('-')).is_some_and(|(word, tag)| {
        matches!(
            word,
            "host"
                | "domain"
                | "user"
                | "org"
                | "ca"
                | "serial"
                | "fingerprint"
                | "token"
                | "sid"
                | "mac"
                | "interface"
                | "file"
        ) && tag.len() == 6
            && tag.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

/// A domain, each of its labels on its own; the last one stays where it is common.
fn domain_pseudonym(domain: &str) -> String {
    let labels: Vec<&str> = domain.split('.').collect();
    let last = labels.len() - 1;
    let masked = labels.iter().enumerate().map(|(position, label)| {
        if position == last && position > 0 && is_common_top_label(label) || label.is_empty() {
            (*label).to_lowercase()
        } else {
            pseudonym(Kind::Domain, label)
        }
    });
    masked.collect::<Vec<_>>().join(".")
}

fn is_common_top_label(label: &str) -> bool {
    label.len() == 2 || COMMON_TOP_LABELS.contains(&label.to_lowercase().as_str())
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

// ── patterns ────────────────────────────────────────────────────────────────────────────────────

/// How many characters from here on `accept`s.
fn run(rest: &[char], accept: impl Fn(char) -> bool) -> usize {
    rest.iter().take_while(|c| accept(**c)).count()
}

/// The SID of an account in a domain, on a machine or in Entra (MS-DTYP 2.4.2.4); the well-known
/// ones name nobody.
fn sid_at(rest: &[char]) -> Option<(usize, String)> {
    if !matches!(rest.first()?, 'S' | 's') {
        return None;
    }
    let length = 1 + run(&rest[1..], |c| c.is_ascii_digit() || c == '-');
    let text: String = rest[..length].iter().collect();
    let text = text.trim_end_matches('-');
    let upper = text.to_uppercase();
    (upper.starts_with("S-1-5-21-") || upper.starts_with("S-1-12-1-"))
        .then(|| (text.len(), pseudonym(Kind::Sid, text)))
}

/// Six pairs of hexadecimal digits with one separator: an Ethernet address.
fn hardware_at(rest: &[char]) -> Option<(usize, String)> {
    const LENGTH: usize = 17;
    let text = rest.get(..LENGTH)?;
    let separator = *text.get(2)?;
    let holds = text.iter().enumerate().all(|(position, c)| {
        if position % 3 == 2 { *c == separator } else { c.is_ascii_hexdigit() }
    });
    let ends = rest.get(LENGTH).is_none_or(|c| !c.is_alphanumeric() && *c != separator);
    let text: String = text.iter().collect();
    (matches!(separator, ':' | '-') && holds && ends)
        .then(|| (LENGTH, pseudonym(Kind::Hardware, &text.replace('-', ":"))))
}

/// An IPv4 or IPv6 address.
fn address_at(rest: &[char], previous: Option<char>) -> Option<(usize, String)> {
    if matches!(previous, Some('.' | ':')) {
        return None;
    }
    let length = run(rest, |c| c.is_ascii_digit() || c == '.');
    let text: String = rest[..length].iter().collect();
    let text = text.trim_end_matches('.');
    let ends = rest.get(text.len()).is_none_or(|c| !c.is_alphanumeric());
    if ends && let Ok(address) = text.parse::<Ipv4Addr>() {
        return Some((text.len(), mask_v4(address).to_string()));
    }
    // `[type]::name` is PowerShell's way to a static member.
    if previous == Some(']') {
        return None;
    }
    let length = run(rest, |c| c.is_ascii_hexdigit() || matches!(c, ':' | '.'));
    if rest.get(length).is_some_and(|c| c.is_alphanumeric()) {
        return None;
    }
    let text: String = rest[..length].iter().collect();
    // The end of a sentence, or a port that somebody wrote without brackets.
    [text.as_str(), text.trim_end_matches(['.', ':'])].into_iter().find_map(|text| {
        let address: Ipv6Addr = text.parse().ok()?;
        Some((text.len(), mask_v6(address).to_string()))
    })
}

/// The user's name in a profile's path, Windows or Unix.
fn profile_at(rest: &[char], previous: Option<char>) -> Option<(usize, String)> {
    if !matches!(previous, Some('\\' | '/')) {
        return None;
    }
    for folder in ["Users", "home"] {
        let length = folder.len();
        let is_folder = rest.iter().take(length).collect::<String>().eq_ignore_ascii_case(folder);
        let Some(separator @ ('\\' | '/')) = rest.get(length).copied().filter(|_| is_folder) else {
            continue;
        };
        let user = run(&rest[length + 1..], |c| !matches!(c, '\\' | '/' | '"' | '\'' | ':'));
        let name: String = rest[length + 1..length + 1 + user].iter().collect();
        let everybodys = ["public", "default", "all users"].contains(&name.to_lowercase().as_str());
        if user > 0 && !everybodys && !is_pseudonym(&name) {
            let folder: String = rest[..length].iter().collect();
            let masked = format!("{folder}{separator}{}", pseudonym(Kind::User, &name));
            return Some((length + 1 + user, masked));
        }
    }
    None
}

/// A file's name as a pseudonym with its extension; its folders go.
pub(crate) fn mask_file(path: &str) -> String {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    // The hosts file is the same everywhere.
    if name.eq_ignore_ascii_case("hosts") || is_pseudonym(name) {
        return path.to_owned();
    }
    let extension = name.rsplit_once('.').map(|(_, extension)| extension).filter(|extension| {
        extension.len() <= 6 && extension.bytes().all(|b| b.is_ascii_alphanumeric())
    });
    let extension = extension.map(|extension| format!(".{extension}")).unwrap_or_default();
    format!("{}{extension}", pseudonym(Kind::File, path))
}

fn mask_v4(address: Ipv4Addr) -> Ipv4Addr {
    let stays = address.is_loopback()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast()
        || address.is_documentation();
    if stays {
        return address;
    }
    let [a, b, c, ..] = hash(&address.to_string());
    let carrier_grade = (u32::from(address) & 0xffc0_0000) == 0x6440_0000;
    if address.is_private() {
        Ipv4Addr::new(10, a, b, c)
    } else if address.is_link_local() {
        Ipv4Addr::new(169, 254, a, b)
    } else if carrier_grade {
        Ipv4Addr::new(100, 64 | a >> 2, b, c)
    } else {
        // 240.0.0.0/4 is nobody's (RFC 1112 section 4), and large enough to keep hosts apart.
        Ipv4Addr::new(240 | a >> 4 & 0x07, b, c, a)
    }
}

fn mask_v6(address: Ipv6Addr) -> Ipv6Addr {
    if let Some(v4) = address.to_ipv4_mapped() {
        return mask_v4(v4).to_ipv6_mapped();
    }
    let segments = address.segments();
    let documentation = segments[0] == 0x2001 && segments[1] == 0x0db8;
    let stays = address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || documentation;
    if stays {
        return address;
    }
    let h = hash(&address.to_string());
    let word = |position: usize| u16::from_be_bytes([h[position], h[position + 1]]);
    if address.is_unicast_link_local() {
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, word(0), word(2))
    } else if address.is_unique_local() {
        Ipv6Addr::new(0xfd00, word(0), 0, 0, 0, 0, 0, word(2))
    } else {
        Ipv6Addr::new(0x2001, 0x0db8, word(0), 0, 0, 0, 0, word(2))
    }
}

#[cfg(test)]
mod tests {
    use rdpdoctor_diagnosis::{Proof, Severity};
    use rdpdoctor_model::{
        Certificate, ConnectFailure, Fact, Hex, InterfaceForm, LifeSource, Lookup, Observation,
        Origin, OwnInterface, ServiceKind, Stage, StageOutcome,
    };
    use serde_json::Value;

    use super::{Masker, Vocabulary};
    use crate::Document;
    use crate::render::terminal::{Style, View};
    use crate::render::{html, terminal, text};
    use crate::testing::{self, Scene};

    /// What must not be seen anywhere in a masked output, in lower case.
    const ORIGINALS: [&str; 33] = [
        "pc42",
        "corp.example.com",
        "corpnb",
        "alice",
        "smith",
        "bob",
        "acme",
        "10.20.4.42",
        "10.20.4.1",
        "10.20.7.9",
        "fd00:4::42",
        "198.18.77.5",
        "2a02:810:1234::5",
        "5f1c0ffee0ddba11",
        "a94a8fe5ccb19ba6",
        "9f86d081884c7d65",
        "frankfurt",
        "issuing ca 7",
        "mail-gw",
        "laptop-77",
        "farm01",
        "old-name",
        "s-1-5-21-1004336348",
        "00:15:5d",
        "00-15-5d",
        "mgmt",
        "jump",
        "3640205228",
        "carol",
        "capture-of-pc",
        "jdoe",
        "dc01",
        "vault-9",
    ];

    fn full_of_names() -> Document {
        let own = Certificate {
            subject: "CN=PC42.corp.example.com,OU=Frankfurt,O=Acme\\, Inc.,C=DE".into(),
            subject_common_name: Some("PC42.corp.example.com".into()),
            issuer: "CN=Acme Issuing CA 7,DC=corp,DC=example,DC=com".into(),
            self_issued: false,
            dns_names: vec!["PC42.corp.example.com".into(), "*.mgmt.corp.example.com".into()],
            ip_addresses: vec!["10.20.4.42".parse().expect("an address")],
            crl_urls: vec![
                "http://dc01.corp.example.com/CertEnroll/Acme%20Issuing%20CA%207.crl".into(),
                "ldap:///CN=Acme Issuing CA 7,CN=dc01,CN=CDP,CN=Public Key Services,CN=Services,\
                 CN=Configuration,DC=corp,DC=example,DC=com?certificateRevocationList?base"
                    .into(),
            ],
            ..testing::certificate()
        };
        let public = Certificate {
            subject: "CN=R3,O=Let's Encrypt,C=US".into(),
            subject_common_name: Some("R3".into()),
            issuer: "CN=ISRG Root X1,O=Internet Security Research Group,C=US".into(),
            self_issued: false,
            is_ca: true,
            serial: "912b084acf0c18a7".into(),
            sha1: "bb".repeat(20),
            sha256: "cc".repeat(32),
            dns_names: Vec::new(),
            ..testing::certificate()
        };
        let unknown: Fact = serde_json::from_value(serde_json::json!({
            "kind": "logged-on-somewhere", "user": "CORPNB\\bob", "computer": "JUMP-3",
            "text": "bob (S-1-5-21-1004336348-1177238915-682003330-1104) on 2a02:810:1234::5"
        }))
        .expect("any kind is kept");
        let mut scene = Scene::new()
            .fact(
                Stage::Client,
                Fact::ThisMachine {
                    names: vec!["LAPTOP-77".into(), "laptop-77.corp.example.com".into()],
                    addresses: vec!["10.20.7.9".parse().expect("an address")],
                },
            )
            .fact(
                Stage::Dns,
                Fact::NameResolved {
                    name: "pc42.corp.example.com".into(),
                    addresses: testing::run("xy").addresses,
                    canonical_name: Some("farm01.corp.example.com".into()),
                    elapsed_ms: 1.0,
                },
            )
            .fact(
                Stage::Dns,
                Fact::ReverseName {
                    address: "10.20.4.42".parse().expect("an address"),
                    names: Lookup::seen(vec!["old-name.corp.example.com.".into()]),
                },
            )
            .ended(Stage::Dns, StageOutcome::Passed)
            .connected()
            .negotiated()
            .fact(
                Stage::X224,
                Fact::ConnectionRequest {
                    requested_protocols: None,
                    flags: 0,
                    cookie: Some("CORPNB\\jdoe".into()),
                    routing_token: Some("Cookie: msts=3640205228.15629.0000".into()),
                    correlation_id: None,
                },
            )
            .fact(
                Stage::X224,
                Fact::ForeignService {
                    service: ServiceKind::Smtp,
                    said: "220 mail-gw.corp.example.com ESMTP".into(),
                    bytes: Hex(b"220 MAIL-GW.corp.example.com ESMTP".to_vec()),
                    unasked: true,
                },
            )
            .encrypted(own)
            .fact(Stage::Tls, Fact::ServerCertificates { certificates: vec![public] })
            .challenged()
            .fact(
                Stage::CredSsp,
                Fact::CredSspMalformed {
                    problem: "names PC42 and alice.smith@corp.example.com".into(),
                    bytes: Hex(b"C\0O\0R\0P\0N\0B\0\\\0j\0D\0o\0e\0".to_vec()),
                },
            )
            .fact(
                Stage::Network,
                Fact::LifeSign {
                    address: "198.18.77.5".parse().expect("an address"),
                    by: LifeSource::Neighbour,
                    port: None,
                    answer: Lookup::seen("00:15:5d:01:02:03, 00-15-5D-01-02-04".into()),
                },
            )
            .fact(Stage::Host, unknown)
            .fact(
                Stage::Tcp,
                Fact::TcpFailed {
                    remote: "10.20.4.1:3389".parse().expect("an address"),
                    failure: ConnectFailure::Prohibited,
                    icmp: Lookup::unavailable("C:\\Users\\carol\\rdp.log is not readable"),
                    os_error: None,
                    elapsed_ms: 3.0,
                },
            );
        for observation in &mut scene.observations {
            if let Fact::NtlmChallenge { netbios_domain, target_name, dns_domain, .. } =
                &mut observation.fact
            {
                *netbios_domain = Some("CORPNB".into());
                *target_name = Some("CORPNB".into());
                *dns_domain = Some("corp.example.com".into());
            }
        }
        scene.observations.iter_mut().for_each(from_a_file);
        let mut run = testing::run("PC42.corp.example.com");
        run.via = Some("https://carol@vault-9.corp.example.com:443/x".into());
        let found = testing::finding(&testing::KEY, Severity::Warning, Proof::Likely);
        scene.judged(run, vec![found])
    }

    fn from_a_file(observation: &mut Observation) {
        observation.origin =
            Some(Origin { file: "/home/carol/capture-of-pc42.pcapng".into(), frame: Some(7) });
    }

    fn masked(document: &Document) -> Document {
        Masker::of(document).and_then(|masker| masker.mask(document)).expect("masks")
    }

    fn outputs(document: &Document) -> Vec<(&'static str, String)> {
        vec![
            ("json", document.to_json().expect("serialises")),
            ("terminal", terminal::render(document, View::Short, Style::Plain, 80)),
            ("details", terminal::render(document, View::Details, Style::Plain, 120)),
            ("ticket", text::ticket(document)),
            ("network", text::network(document)),
            ("html", html::render(document).expect("renders")),
        ]
    }

    #[test]
    fn no_original_survives_in_any_output() {
        for document in [full_of_names(), testing::dropped_hello(None), testing::refused()] {
            for (name, output) in outputs(&masked(&document)) {
                let output = output.to_lowercase();
                for original in ORIGINALS {
                    assert!(!output.contains(original), "{original} is in {name}:\n{output}");
                }
            }
        }
        // What is looked for was there to be found.
        let before: String =
            outputs(&full_of_names()).into_iter().map(|(_, text)| text.to_lowercase()).collect();
        for original in ORIGINALS {
            assert!(before.contains(original), "{original} never was in the document");
        }
    }

    #[test]
    fn names_inside_of_bytes_go_too() {
        let json = masked(&full_of_names()).to_json().expect("serialises");
        let hex = |bytes: &[u8]| Hex(bytes.to_vec()).to_string();
        assert!(!json.contains(&hex(b"MAIL-GW")) && json.contains(&hex(b"220 ")), "{json}");
        assert!(!json.contains(&hex(b"j\0D\0o\0e\0")), "{json}");
    }

    #[test]
    fn a_masked_document_keeps_its_schema_and_its_meaning() {
        let document = full_of_names();
        let masked = masked(&document);
        let value: Value = serde_json::to_value(&masked).expect("serialises");
        let validator = jsonschema::draft202012::new(&crate::schema()).expect("a schema");
        let errors: Vec<String> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
        // Nothing fell back to an unknown kind, and whatever is no name is as it was.
        let kinds = |document: &Document| -> Vec<_> {
            document.observations.iter().map(|o| std::mem::discriminant(&o.fact)).collect()
        };
        assert_eq!(kinds(&masked), kinds(&document));
        assert_eq!(masked.stages.len(), document.stages.len());
        assert_eq!(masked.verdict.cause, document.verdict.cause);
        let text = value.to_string();
        for kept in
            ["CN=Services,CN=Configuration", "R3", "Let's Encrypt", "ISRG Root X1", ".com", "ESMTP"]
        {
            assert!(text.contains(kept), "{kept} should stay in {text}");
        }
        // A private address stays private.
        for address in &masked.target.addresses {
            match address {
                std::net::IpAddr::V4(v4) => assert!(v4.is_private()),
                std::net::IpAddr::V6(v6) => assert!(v6.is_unique_local()),
            }
        }
    }

    #[test]
    fn the_same_name_is_the_same_pseudonym_everywhere() {
        let masker = Masker::of(&full_of_names()).expect("learns");
        let host = masker.text("pc42");
        assert_eq!(host, masker.text("PC42"));
        assert_eq!(masker.text(r"\\PC42\c$"), format!(r"\\{host}\c$"));
        assert!(masker.text("pc42.corp.example.com").starts_with(&format!("{host}.domain-")));
        assert!(masker.text("pc42.corp.example.com:3390").ends_with(".com:3390"));
        let other = Masker::of(&testing::healthy()).expect("learns");
        assert_eq!(other.text("pc42"), host);
        insta::assert_snapshot!(
            masker.text("pc42.corp.example.com 10.20.4.42 2a02:810:1234::5"),
            @"host-624c5c.domain-3a8f08.domain-0cb3d4.com 10.15.161.44 2001:db8:ced6::8982"
        );
    }

    #[test]
    fn what_only_looks_like_a_name_stays() {
        let masker = Masker::of(&full_of_names()).expect("learns");
        for text in [
            "pc420 and xpc42",
            "127.0.0.1, ::1, 192.0.2.7, 2001:db8::7, 224.0.0.251",
            "version 10.0.20348.1 at 12:00:00.123",
            "icacls $f /grant '*S-1-5-20:(R)' '*S-1-5-18:(F)'",
            "[IO.File]::Delete and [x]::Add(1)",
            r"C:\Users\Public\x",
            r"HKLM:\SYSTEM\CurrentControlSet",
        ] {
            assert_eq!(masker.text(text), text);
        }
        let once = masker.text("pc42.corp.example.com");
        assert_eq!(masker.text(&once), once);
    }

    #[test]
    fn a_host_named_like_a_word_of_the_contract_leaves_the_contract_alone() {
        let scene = Scene::new().fact(Stage::Tcp, Fact::Interrupted { by: "server".into() });
        let document = masked(&scene.judged(testing::run("interrupted"), Vec::new()));
        let json = document.to_json().expect("serialises");
        assert!(document.target.host.starts_with("host-"), "{json}");
        assert!(json.contains("\"kind\": \"interrupted\""), "{json}");

        let document = testing::dropped_hello(None);
        let mut named = document.clone();
        named.target.host = "failed".into();
        assert_eq!(masked(&named).verdict.status, document.verdict.status);
    }

    #[test]
    fn a_hostile_document_is_masked_in_good_time() {
        let document = testing::hostile();
        let begun = std::time::Instant::now();
        masked(&document);
        assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
    }

    #[test]
    fn a_vpns_name_is_masked_and_everybodys_is_not() {
        let interface = |name: &str| OwnInterface {
            interface: name.to_owned(),
            form: InterfaceForm::Tunnel,
            driver: Some("wireguard".to_owned()),
            up: true,
            carrier: true,
            addresses: Vec::new(),
        };
        let interfaces = ["wg-acme", "enp3s0", "VPN", "tun0"].map(interface).to_vec();
        let fact = Fact::OwnInterfaces { interfaces };
        let mut masker = Masker::new();
        let mut value = serde_json::to_value(&fact).expect("a fact serialises");
        masker.collect(&value);
        masker.replace(&mut value, None, &Vocabulary::of_schema());
        let text = value.to_string();
        assert!(!text.contains("acme") && text.contains("interface-"), "{text}");
        assert!(["enp3s0", "VPN", "tun0", "wireguard"].iter().all(|n| text.contains(n)), "{text}");
        assert!(!masker.text("through WG-ACME, a tunnel").contains("ACME"));
    }

    /// What names a machine in its registry: bytes stay bytes, and the same ones everywhere.
    #[test]
    fn ids_of_a_machine_are_masked_and_still_agree() {
        let (thumbprint, guid) = ("0a".repeat(20), "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0");
        let mut value = serde_json::json!([
            {"kind": "registry-value", "name": "SSLCertificateSHA1Hash",
             "data": {"lookup": "seen", "value": {"type": "binary", "data": thumbprint}}},
            {"kind": "machine-certificate", "store": "My", "thumbprint": thumbprint},
            {"kind": "registry-value", "name": "MachineGuid",
             "data": {"lookup": "seen", "value": {"type": "text", "data": guid}}},
            {"kind": "windows-file", "path": format!("C:\\Keys\\f686aace_{guid}")},
            {"kind": "registry-value", "name": "ObjectName",
             "data": {"lookup": "seen", "value": {"type": "text", "data": "ACME\\jdoe"}}},
        ]);
        let mut masker = Masker::new();
        masker.collect(&value);
        masker.replace(&mut value, None, &Vocabulary::of_schema());
        let text = value.to_string();
        for original in [thumbprint.as_str(), guid, "jdoe", "ACME"] {
            assert!(!text.contains(original), "{original} in {text}");
        }
        let pin = value[0]["data"]["value"]["data"].as_str().expect("bytes");
        assert!(pin.len() == 40 && pin.bytes().all(|digit| digit.is_ascii_hexdigit()), "{pin}");
        assert_eq!(value[1]["thumbprint"].as_str(), Some(pin));
    }
}
