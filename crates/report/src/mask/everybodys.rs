//! Names that are nobody's: those of public authorities, common labels, what systems call things.

use serde_json::{Map, Value};

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
pub(super) const EVERYBODYS: [&str; 11] = [
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

/// Whether the last label of a name says nothing about whose it is.
pub(super) fn is_common_top_label(label: &str) -> bool {
    label.len() == 2 || COMMON_TOP_LABELS.contains(&label.to_lowercase().as_str())
}

/// Whether a distinguished name is that of a public authority or of a known inspector. An authority
/// of somebody's own directory has domain components (DC), whatever else its name says.
pub(super) fn is_public_issuer(name: &str) -> bool {
    let name = name.to_lowercase();
    !name.contains("dc=") && PUBLIC_ISSUERS.iter().any(|word| name.contains(word))
}

/// Whether the fields are those of a public authority's own certificate.
pub(super) fn is_public_authority(certificate: &Map<String, Value>) -> bool {
    let is_ca = certificate.get("is_ca").and_then(Value::as_bool).unwrap_or_default();
    let subject = certificate.get("subject").and_then(Value::as_str).unwrap_or_default();
    is_ca && is_public_issuer(subject)
}

/// Kinds whose `name` is a host's; a service or a file has one too.
pub(super) fn names_hosts(kind: &str) -> bool {
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
pub(super) fn is_everybodys_interface(value: &Value) -> bool {
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
