//! What stands in for a name: a word for its kind and a piece of its hash.

use std::net::{Ipv4Addr, Ipv6Addr};

use sha2::{Digest as _, Sha256};

use super::everybodys::is_common_top_label;

/// Separates these hashes from those of anything else. It is no secret, and cannot be one: the same
/// name has to become the same pseudonym on two machines that know nothing of each other.
const SALT: &str = "rdpdoctor pseudonym 1:";

/// What a name belongs to; the pseudonym says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
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
    pub(super) fn word(self) -> &'static str {
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

pub(super) fn hash(original: &str) -> [u8; 32] {
    Sha256::digest(format!("{SALT}{}", original.trim().to_lowercase())).into()
}

/// `host-3f2a41`: the kind and 24 bits of the original's hash.
pub(super) fn pseudonym(kind: Kind, original: &str) -> String {
    let hash = hash(original);
    format!("{}-{:02x}{:02x}{:02x}", kind.word(), hash[0], hash[1], hash[2])
}

/// A thumbprint's pseudonym, which is one as well: 40 hexadecimal digits.
pub(super) fn thumbprint(original: &str) -> String {
    hash(original).iter().take(20).map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a name is a pseudonym already.
pub(super) fn is_pseudonym(name: &str) -> bool {
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
pub(super) fn domain_pseudonym(domain: &str) -> String {
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

pub(super) fn mask_v4(address: Ipv4Addr) -> Ipv4Addr {
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

pub(super) fn mask_v6(address: Ipv6Addr) -> Ipv6Addr {
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
