//! Which versions and suites of TLS a host's settings leave to its own end (Schannel).

use rdpdoctor_model::{Lookup, ObservationId};

use super::WINDOWS;
use super::certificate::{Bound, bound};
use crate::Evidence;
use crate::machine::Machine;

/// Where versions, ciphers, hashes and key exchanges are switched.
const SCHANNEL: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL";
/// Where a policy lists the suites, and where the machine itself does.
pub(crate) const SUITES_BY_POLICY: &str =
    r"HKLM\SOFTWARE\Policies\Microsoft\Cryptography\Configuration\SSL\00010002";
pub(crate) const SUITES: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Control\Cryptography\Configuration\Local\SSL\00010002";

/// The first build whose server side speaks TLS 1.3 (Windows Server 2022).
const FIRST_WITH_TLS13: u64 = 20_348;

/// Suites of one list that are read at most.
const MOST_SUITES: usize = 256;

/// What every supported Windows has in its list unless somebody took it out.
const USUAL: &[&str] = &[
    "TLS_AES_256_GCM_SHA384",
    "TLS_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
];

/// What was set for one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Version {
    /// It is on, by itself or by a value.
    On,
    /// A value switches it off.
    Off(Vec<ObservationId>),
    /// Windows decides, or nobody could look.
    Unknown,
}

/// The key of a version's server side.
pub(crate) fn key_of(version: &str) -> String {
    format!(r"{SCHANNEL}\Protocols\{version}\Server")
}

/// What was set for `TLS 1.2` and the like. What the server side does by default counts: Remote
/// Desktop asks for no version of its own.
pub(crate) fn version(host: &Machine<'_, '_>, name: &str) -> Version {
    let key = key_of(name);
    let enabled = host.setting(&key, "Enabled");
    let by_default = host.setting(&key, "DisabledByDefault");
    let off = [
        enabled.as_ref().filter(|setting| setting.data.number() == Some(0)),
        by_default.as_ref().filter(|setting| setting.data.number().is_some_and(|n| n != 0)),
    ];
    let off: Vec<ObservationId> = off.into_iter().flatten().map(|s| s.id.clone()).collect();
    if !off.is_empty() {
        return Version::Off(off);
    }
    if enabled.is_some() {
        return Version::On;
    }
    let absent = host.is_absent(&key, "Enabled");
    match (name, absent) {
        ("TLS 1.2", true) => Version::On,
        ("TLS 1.3", true) if build(host).is_some_and(|build| build >= FIRST_WITH_TLS13) => {
            Version::On
        }
        _ => Version::Unknown,
    }
}

/// The build of Windows.
pub(crate) fn build(host: &Machine<'_, '_>) -> Option<u64> {
    host.setting(WINDOWS, "CurrentBuildNumber")?.data.text()?.trim().parse().ok()
}

/// The suites that are left, and what took the others.
#[derive(Debug, Clone)]
pub(crate) struct Suites {
    /// What took suites away.
    pub ids: Vec<ObservationId>,
    /// Whether a policy has the list.
    pub by_policy: bool,
    /// Whether there is a list at all.
    pub listed: bool,
    /// Whether one is left that a client of today offers and that fits the certificate's key.
    pub usable: bool,
    /// Whether one were left without what is switched off apart from the list.
    pub usable_by_list: bool,
}

/// Which suites the settings leave; `None` where no setting touches them.
pub(crate) fn suites(evidence: &Evidence<'_>) -> Option<Suites> {
    let host = Machine::host(evidence);
    let list = host.effective(SUITES_BY_POLICY, SUITES, "Functions");
    let unread = |key| {
        host.value(key, "Functions")
            .is_some_and(|seen| matches!(seen.value.data, Lookup::Unavailable { .. }))
    };
    if list.is_none() && (unread(SUITES_BY_POLICY) || unread(SUITES)) {
        return None;
    }
    let names: Option<Vec<String>> = list.as_ref().and_then(|list| {
        let lines = list.data.texts()?;
        let names = lines.iter().flat_map(|line| line.split(','));
        Some(names.map(|name| name.trim().to_ascii_uppercase()).take(MOST_SUITES).collect())
    });
    let off = switched_off(&host);
    if names.is_none() && off.is_empty() {
        return None;
    }
    let usual = || USUAL.iter().map(|name| (*name).to_owned()).collect();
    let all: Vec<String> = names.clone().unwrap_or_else(usual);
    let key = key_kind(evidence);
    let tls13 = !matches!(version(&host, "TLS 1.3"), Version::Off(_))
        && build(&host).is_none_or(|build| build >= FIRST_WITH_TLS13);
    let fits = |name: &String| is_usable(name, key, tls13);
    let left = |name: &String| fits(name) && !off.iter().any(|(word, _)| uses(name, word));
    let list_id = list.as_ref().filter(|_| names.is_some()).map(|list| list.id.clone());
    Some(Suites {
        ids: list_id.into_iter().chain(off.iter().map(|(_, id)| id.clone())).collect(),
        by_policy: list.as_ref().is_some_and(crate::machine::Setting::is_managed),
        listed: names.is_some(),
        usable: all.iter().any(left),
        usable_by_list: all.iter().any(fits),
    })
}

/// The kind of the bound certificate's key.
fn key_kind(evidence: &Evidence<'_>) -> Option<KeyKind> {
    let Bound::Found(found) = bound(evidence) else { return None };
    match found.certificate()?.public_key.algorithm.as_str() {
        "RSA" => Some(KeyKind::Rsa),
        "EC" => Some(KeyKind::Ec),
        _ => None,
    }
}

/// What a certificate's key can do in a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyKind {
    Rsa,
    Ec,
}

/// Whether a suite is one that a client of today offers and that the key can serve. Old names end
/// with a curve (`..._SHA256_P256`).
fn is_usable(name: &str, key: Option<KeyKind>, tls13: bool) -> bool {
    let weak = ["_NULL_", "_RC4_", "_DES_", "EXPORT", "_PSK_", "_ANON_"];
    if weak.iter().any(|word| name.contains(word)) {
        return false;
    }
    if name.contains("_ECDSA_") {
        return key != Some(KeyKind::Rsa);
    }
    if name.contains("_RSA_WITH_") {
        return key != Some(KeyKind::Ec);
    }
    // Those of TLS 1.3 name no key.
    tls13 && (name.starts_with("TLS_AES_") || name.starts_with("TLS_CHACHA20_"))
}

/// Algorithms that are switched off under SCHANNEL, by the word that suites have for them.
fn switched_off(host: &Machine<'_, '_>) -> Vec<(&'static str, ObservationId)> {
    const SWITCHES: &[(&str, &str)] = &[
        (r"Ciphers\AES 128/128", "AES_128"),
        (r"Ciphers\AES 256/256", "AES_256"),
        (r"KeyExchangeAlgorithms\ECDH", "ECDHE"),
        (r"KeyExchangeAlgorithms\Diffie-Hellman", "_DHE"),
        (r"KeyExchangeAlgorithms\PKCS", "TLS_RSA_WITH"),
        (r"Hashes\SHA256", "SHA256"),
        (r"Hashes\SHA384", "SHA384"),
    ];
    let off = |(place, word): &(&str, &'static str)| {
        let setting = host.setting(&format!(r"{SCHANNEL}\{place}"), "Enabled")?;
        (setting.data.number() == Some(0)).then_some((*word, setting.id))
    };
    SWITCHES.iter().filter_map(off).collect()
}

/// Whether a suite needs what a word stands for. Suites of TLS 1.3 always exchange by a curve.
fn uses(name: &str, word: &str) -> bool {
    name.contains(word) || (word == "ECDHE" && name.starts_with("TLS_AES_"))
}
