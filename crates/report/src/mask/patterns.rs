//! What is known by its shape wherever it stands in a text: SIDs, addresses, profiles.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::pseudonym::{Kind, is_pseudonym, mask_v4, mask_v6, pseudonym};

/// How many characters from here on `accept`s.
pub(super) fn run(rest: &[char], accept: impl Fn(char) -> bool) -> usize {
    rest.iter().take_while(|c| accept(**c)).count()
}

/// The SID of an account in a domain, on a machine or in Entra (MS-DTYP 2.4.2.4); the well-known
/// ones name nobody.
pub(super) fn sid_at(rest: &[char]) -> Option<(usize, String)> {
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
pub(super) fn hardware_at(rest: &[char]) -> Option<(usize, String)> {
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
pub(super) fn address_at(rest: &[char], previous: Option<char>) -> Option<(usize, String)> {
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
pub(super) fn profile_at(rest: &[char], previous: Option<char>) -> Option<(usize, String)> {
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
