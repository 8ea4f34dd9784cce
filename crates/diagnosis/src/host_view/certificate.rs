//! The certificate that Remote Desktop shows: the one that is pinned, else the self-signed one.

use rdpdoctor_model::{
    Certificate, Fact, KeyPlace, Lookup, MachineCertificate, ObservationId, WindowsFile,
};

use super::{file, key};
use crate::machine::{LISTENER, Machine};
use crate::{Evidence, Seen};

/// Where Windows keeps the certificates that it makes for Remote Desktop.
pub(crate) const OWN_STORE: &str = "Remote Desktop";
/// Where an administrator puts a certificate of a CA.
pub(crate) const MY_STORE: &str = "My";
/// The key with the name of the store and the thumbprint of the self-signed certificate.
pub(crate) const STATIONS: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations";

const PIN: &str = "SSLCertificateSHA1Hash";
const SELF_SIGNED: &str = "SelfSignedCertificate";

/// Providers whose keys lie in the folder that the name of the file is worked out for: PROV_RSA_FULL,
/// PROV_RSA_SCHANNEL, PROV_RSA_AES (wincrypt.h).
const FILE_PROVIDERS: [u32; 3] = [1, 12, 24];

/// What is bound.
#[derive(Debug, Clone)]
pub(crate) enum Bound<'a> {
    /// Nobody could look, or nobody asked.
    Unknown,
    /// A thumbprint is pinned, and no store holds it.
    Dangling {
        /// The thumbprint, and the observations of it and of the stores.
        thumbprint: String,
        /// What it rests on.
        ids: Vec<ObservationId>,
    },
    /// This one.
    Found(Box<BoundCertificate<'a>>),
}

/// The certificate that is bound.
#[derive(Debug, Clone)]
pub(crate) struct BoundCertificate<'a> {
    /// Its entry in the store.
    pub seen: Seen<'a, &'a MachineCertificate>,
    /// Who pinned it, where it is pinned.
    pub pin: Option<ObservationId>,
}

impl<'a> BoundCertificate<'a> {
    /// The certificate, where it could be read.
    pub(crate) fn certificate(&self) -> Option<&'a Certificate> {
        self.seen.value.certificate.as_seen()
    }

    /// Whether it is the one that Windows makes for itself, and makes anew.
    pub(crate) fn is_own(&self) -> bool {
        self.seen.value.store.eq_ignore_ascii_case(OWN_STORE)
            && self.certificate().is_none_or(|certificate| certificate.self_issued)
    }

    /// What it rests on.
    pub(crate) fn ids(&self) -> Vec<ObservationId> {
        self.pin.iter().cloned().chain([self.seen.id()]).collect()
    }

    /// The provider that holds its key.
    pub(crate) fn key_place(&self) -> Option<&'a KeyPlace> {
        self.seen.value.key.as_seen()
    }

    /// The file of its key, whatever became of the question; `None` where the key is not in a file
    /// (a smart card, a TPM, a module) or nobody asked.
    pub(crate) fn key_file(&self, host: &Machine<'_, 'a>) -> Option<Seen<'a, &'a WindowsFile>> {
        file(host, self.key_place()?.file.as_deref()?)
    }

    /// Whether the key's file has one name that follows from the container's. CNG's software provider
    /// is believed to name it alike; other providers keep keys elsewhere.
    pub(crate) fn is_key_a_known_file(&self) -> bool {
        self.key_place().is_some_and(|place| FILE_PROVIDERS.contains(&place.provider_type))
    }

    /// Whether the key is that of a software provider at all.
    pub(crate) fn is_key_a_file(&self) -> bool {
        self.is_key_a_known_file()
            || self.key_place().is_some_and(|place| {
                place.provider_type == 0
                    && place
                        .provider
                        .eq_ignore_ascii_case("Microsoft Software Key Storage Provider")
            })
    }
}

/// The certificate that is bound, as far as it was looked at.
pub(crate) fn bound<'a>(evidence: &Evidence<'a>) -> Bound<'a> {
    let host = Machine::host(evidence);
    match pinned(&host) {
        Lookup::Seen { value: (thumbprint, id) } => by_pin(&host, thumbprint, id),
        Lookup::Absent => own(&host),
        Lookup::Unavailable { .. } => Bound::Unknown,
    }
}

/// The thumbprint that is pinned; absent when nothing or only zeros are.
fn pinned(host: &Machine<'_, '_>) -> Lookup<(String, ObservationId)> {
    let Some(seen) = host.value(LISTENER, PIN) else {
        // A collection that did not ask tells nothing; one that has the listener's key would have it.
        return Lookup::unavailable("not asked");
    };
    match &seen.value.data {
        Lookup::Seen { value } => match value.bytes().map(hexadecimal) {
            Some(text) if text.bytes().any(|digit| digit != b'0') => {
                Lookup::seen((text, seen.id()))
            }
            _ => Lookup::Absent,
        },
        Lookup::Absent => Lookup::Absent,
        Lookup::Unavailable { why } => Lookup::unavailable(why.clone()),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn by_pin<'a>(host: &Machine<'_, 'a>, thumbprint: String, pin: ObservationId) -> Bound<'a> {
    let found = certificates(host)
        .into_iter()
        .find(|seen| seen.value.thumbprint.eq_ignore_ascii_case(&thumbprint));
    if let Some(seen) = found {
        return Bound::Found(Box::new(BoundCertificate { seen, pin: Some(pin) }));
    }
    // Both stores have to have been read before a thumbprint can be missing from them.
    let stores = [OWN_STORE, MY_STORE].map(|store| store_read(host, store));
    match stores {
        [Some(own), Some(my)] => Bound::Dangling { thumbprint, ids: vec![pin, own, my] },
        _ => Bound::Unknown,
    }
}

fn own<'a>(host: &Machine<'_, 'a>) -> Bound<'a> {
    let named = host.setting(STATIONS, SELF_SIGNED);
    let named = named.as_ref().and_then(|setting| setting.data.bytes()).map(hexadecimal);
    let mut own = certificates(host);
    own.retain(|seen| seen.value.store.eq_ignore_ascii_case(OWN_STORE));
    let by_name = named.and_then(|thumbprint| {
        own.iter().position(|seen| seen.value.thumbprint.eq_ignore_ascii_case(&thumbprint))
    });
    // Without its name, the one that is valid longest is the newest.
    let newest = || {
        let until = |seen: &Seen<'_, &MachineCertificate>| {
            seen.value.certificate.as_seen().map(|certificate| certificate.not_after)
        };
        (0..own.len()).max_by_key(|&index| until(&own[index]))
    };
    match by_name.or_else(newest) {
        Some(index) => {
            let seen = own.swap_remove(index);
            Bound::Found(Box::new(BoundCertificate { seen, pin: None }))
        }
        None => Bound::Unknown,
    }
}

/// All certificates of the machine that were read.
pub(crate) fn certificates<'a>(host: &Machine<'_, 'a>) -> Vec<Seen<'a, &'a MachineCertificate>> {
    host.all(|fact| match fact {
        Fact::MachineCertificate(certificate) => Some(&**certificate),
        _ => None,
    })
}

/// The observation that says which certificates a store holds; `None` where it could not be read.
pub(crate) fn store_read(host: &Machine<'_, '_>, store: &str) -> Option<ObservationId> {
    let path = format!(r"HKLM\SOFTWARE\Microsoft\SystemCertificates\{store}\Certificates");
    let seen = key(host, &path)?;
    let read = !matches!(seen.value.subkeys, Lookup::Unavailable { .. });
    read.then(|| seen.id())
}
