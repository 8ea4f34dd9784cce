//! Devices and programs that open TLS to inspect it, by the names of the CAs with which they sign.

/// A product that signs certificates of its own for the servers it stands before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inspector {
    /// The product, as its users call it.
    pub(crate) product: &'static str,
    /// How its CA is called.
    name: CaName,
}

/// How the name of a CA is recognised, whatever the case of its letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CaName {
    /// A common name, organisation or unit that holds these words next to each other.
    Words(&'static str),
    /// A common name that is exactly this: the default of the product, sure enough to be believed
    /// of a self-issued certificate too.
    Exactly(&'static str),
}

use CaName::{Exactly, Words};

/// The list. Makers' names stand alone only where the maker sells nothing but inspection or has no
/// public CA; Symantec, Trend Micro, Cisco and Cloudflare had or have one, so it takes the
/// product's name too.
const INSPECTORS: &[(&str, CaName)] = &[
    ("Zscaler", Words("zscaler")),
    ("Fortinet FortiGate", Exactly("Fortinet_CA_SSL")),
    ("Fortinet FortiGate", Exactly("FortiGate CA")),
    ("Fortinet FortiGate", Words("fortinet")),
    ("Fortinet FortiGate", Words("fortigate")),
    ("Palo Alto Networks", Words("palo alto networks")),
    ("Palo Alto Networks", Words("prisma access")),
    ("Blue Coat ProxySG", Words("blue coat")),
    ("Blue Coat ProxySG", Words("bluecoat")),
    ("Blue Coat ProxySG", Words("proxysg")),
    ("Symantec Web Security Service", Words("symantec web security service")),
    ("Forcepoint", Words("forcepoint")),
    ("Websense", Words("websense")),
    ("Sophos", Words("sophos")),
    ("Check Point", Words("check point")),
    ("Check Point", Words("checkpoint")),
    ("Netskope", Words("netskope")),
    ("Netskope", Words("goskope")),
    ("Cisco Umbrella", Words("cisco umbrella")),
    ("Cisco Umbrella", Words("opendns")),
    ("Cisco Secure Web Appliance", Words("ironport")),
    ("Cisco Secure Web Appliance", Words("cisco web security appliance")),
    ("Cisco Secure Firewall", Words("firepower")),
    ("Barracuda", Words("barracuda")),
    ("Barracuda", Words("barracudang")),
    ("WatchGuard", Words("watchguard")),
    ("SonicWall", Words("sonicwall")),
    ("Untangle", Words("untangle")),
    ("Smoothwall", Words("smoothwall")),
    ("Skyhigh Web Gateway", Words("mcafee web gateway")),
    ("Skyhigh Web Gateway", Words("skyhigh")),
    ("Trellix Web Gateway", Words("trellix web gateway")),
    ("Trend Micro", Words("trend micro web security")),
    ("Trend Micro", Words("interscan web security")),
    ("Trend Micro", Words("iwsva")),
    ("Kaspersky", Words("kaspersky")),
    ("ESET", Exactly("ESET SSL Filter CA")),
    ("Avast", Exactly("Avast Web/Mail Shield Root")),
    ("Avast", Exactly("avast! Web/Mail Shield Root")),
    ("AVG", Exactly("AVG Web/Mail Shield Root")),
    ("Bitdefender", Words("bitdefender")),
    ("Menlo Security", Words("menlo security")),
    ("iboss", Words("iboss")),
    ("Cloudflare Gateway", Words("gateway ca - cloudflare managed")),
    ("Cloudflare Gateway", Words("cloudflare for teams")),
    ("Lightspeed Systems", Words("lightspeed systems")),
    ("Securly", Words("securly")),
    ("ContentKeeper", Words("contentkeeper")),
    ("Squid", Words("squid proxy")),
    ("Squid", Words("squid ca")),
    ("Squid", Words("ssl-bump")),
    ("Squid", Words("sslbump")),
    ("mitmproxy", Exactly("mitmproxy")),
    ("Burp Suite", Exactly("PortSwigger CA")),
    ("Burp Suite", Words("portswigger")),
    ("Charles Proxy", Words("charles proxy")),
    ("Fiddler", Exactly("DO_NOT_TRUST_FiddlerRoot")),
];

/// Who signs under this distinguished name. Only common names, organisations and their units count:
/// a company may well sit in Palo Alto.
pub(crate) fn inspector(name: &str) -> Option<Inspector> {
    find(name, false)
}

/// As [`inspector`], for a certificate that names itself as its issuer: a host called
/// `fortinet-pc` is no inspector, only a product's own default name is.
pub(crate) fn self_issued_inspector(name: &str) -> Option<Inspector> {
    find(name, true)
}

fn find(name: &str, exactly: bool) -> Option<Inspector> {
    let parts = parts(name);
    INSPECTORS.iter().map(|&(product, name)| Inspector { product, name }).find(|inspector| {
        parts.iter().any(|(key, value)| match inspector.name {
            Exactly(whole) => key == "CN" && *value == whole.to_lowercase(),
            Words(words) => !exactly && has_words(value, words),
        })
    })
}

/// The common names, organisations and units of a distinguished name, in lower case.
pub(crate) fn name_parts(name: &str) -> Vec<String> {
    parts(name).into_iter().map(|(_, value)| value).collect()
}

/// Common names, organisations and units, the values in lower case.
fn parts(name: &str) -> Vec<(String, String)> {
    attributes(name)
        .map(|(key, value)| (key.to_uppercase(), value.to_lowercase()))
        .filter(|(key, _)| matches!(key.as_str(), "CN" | "O" | "OU"))
        .collect()
}

/// The attributes of a distinguished name as text. A comma within a value (`O=Fortinet, Inc.`) is
/// told from one between attributes by what follows it.
fn attributes(name: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_key = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
    };
    let mut starts: Vec<usize> = Vec::new();
    for (position, _) in name.match_indices('=') {
        let key = name[..position].rfind([',', '+', '/']).map_or(0, |before| before + 1);
        if is_key(name[key..position].trim()) {
            starts.push(key);
        }
    }
    let ends: Vec<usize> = starts.iter().skip(1).map(|s| s - 1).chain([name.len()]).collect();
    starts.into_iter().zip(ends).filter_map(move |(start, end)| {
        let (key, value) = name.get(start..end)?.split_once('=')?;
        Some((key.trim(), value.trim()))
    })
}

/// Whether `words` stand in `text` with no letter or digit directly before or behind them.
pub(crate) fn has_words(text: &str, words: &str) -> bool {
    text.match_indices(words).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let behind = text[start + words.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !behind.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::{INSPECTORS, inspector, self_issued_inspector};

    fn product(name: &str) -> Option<&'static str> {
        inspector(name).map(|inspector| inspector.product)
    }

    #[test]
    fn names_as_products_sign() {
        for (name, expected) in [
            (
                "C=US, ST=California, O=Zscaler Inc., OU=Zscaler Inc., CN=Zscaler Intermediate Root CA (zscaler.net)",
                "Zscaler",
            ),
            (
                "C=US, ST=California, L=Sunnyvale, O=Fortinet, OU=Certificate Authority, CN=FG100E4Q17000001",
                "Fortinet FortiGate",
            ),
            ("O=Fortinet, Inc., CN=edge", "Fortinet FortiGate"),
            ("CN=fortinet_ca_ssl", "Fortinet FortiGate"),
            ("O=Cisco, CN=Cisco Umbrella Root CA", "Cisco Umbrella"),
            ("CN=ca.corp.goskope.com, O=Example", "Netskope"),
            ("O=Cloudflare, Inc., CN=Gateway CA - Cloudflare Managed G1", "Cloudflare Gateway"),
            (
                "CN=Avast Web/Mail Shield Root, O=Avast Web/Mail Shield, OU=generated by Avast Antivirus for SSL/TLS scanning",
                "Avast",
            ),
            ("CN=mitmproxy, O=mitmproxy", "mitmproxy"),
            ("C=PortSwigger, O=PortSwigger, CN=PortSwigger CA", "Burp Suite"),
        ] {
            assert_eq!(product(name), Some(expected), "{name}");
        }
    }

    #[test]
    fn names_that_only_look_like_it() {
        for name in [
            "C=US, ST=California, L=Palo Alto, O=Example Motors, CN=Example Issuing CA",
            "CN=Squidward CA",
            "CN=Untangled Hair CA",
            "CN=bibiboss",
            "C=US, O=Cloudflare, Inc., CN=Cloudflare TLS Issuing ECC CA 1",
            "C=US, O=Symantec Corporation, CN=Symantec Class 3 Secure Server CA - G4",
            "C=JP, O=Trend Micro Inc, CN=Trend Micro S2 CA",
            "O=Cisco Systems, CN=Cisco Manufacturing CA",
            "",
            "=",
            ",=,=",
            "not a name at all",
        ] {
            assert_eq!(product(name), None, "{name}");
        }
    }

    #[test]
    fn a_self_issued_name_counts_only_as_a_whole() {
        let own = |name| self_issued_inspector(name).map(|i| i.product);
        assert_eq!(own("CN=DO_NOT_TRUST_FiddlerRoot, O=DO_NOT_TRUST"), Some("Fiddler"));
        assert_eq!(own("CN=fortinet-pc"), None);
        assert_eq!(own("CN=Zscaler"), None);
    }

    /// The names are compared in lower case.
    #[test]
    fn words_are_written_as_they_are_compared() {
        for (product, name) in INSPECTORS {
            if let super::Words(words) = name {
                assert_eq!(*words, words.to_lowercase(), "{product}");
            }
        }
    }
}
