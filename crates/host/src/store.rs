//! The certificate stores of a machine, as they lie in the registry.

use md5::{Digest as _, Md5};
use rdpdoctor_model::{KeyPlace, Lookup, MachineCertificate, RegistryData};
use rdpdoctor_wire::read_certificate;

use crate::{System, paths};

/// Certificates of one store that are read at most.
const MOST_CERTIFICATES: usize = 256;

/// CERT_KEY_PROV_INFO_PROP_ID and CERT_CERT_PROP_ID (wincrypt.h).
const KEY_PROVIDER_INFO: u32 = 2;
const CERTIFICATE: u32 = 32;

const CRYPTOGRAPHY: &str = r"HKLM\SOFTWARE\Microsoft\Cryptography";

/// The key of a store of the machine.
pub fn key_of(store: &str) -> String {
    format!(r"HKLM\SOFTWARE\Microsoft\SystemCertificates\{store}\Certificates")
}

/// The certificates of a store. Absent when there is no such store.
pub fn certificates(system: &dyn System, store: &str) -> Lookup<Vec<MachineCertificate>> {
    let key = key_of(store);
    system.registry_subkeys(&key).map_seen(|thumbprints| {
        let some = thumbprints.into_iter().take(MOST_CERTIFICATES);
        some.map(|thumbprint| {
            let blob = system.registry_value(&format!(r"{key}\{thumbprint}"), "Blob");
            certificate(system, store, &thumbprint, &blob)
        })
        .collect()
    })
}

/// The certificate that a value of the registry holds; none when the key is no certificate's.
pub fn in_registry(
    system: &dyn System,
    key: &str,
    blob: &Lookup<RegistryData>,
) -> Option<MachineCertificate> {
    let (stores, thumbprint) = key.rsplit_once('\\')?;
    let store = stores.strip_suffix(r"\Certificates")?.rsplit('\\').next()?;
    let own = stores.eq_ignore_ascii_case(&key_of(store));
    own.then(|| certificate(system, store, thumbprint, blob))
}

fn certificate(
    system: &dyn System,
    store: &str,
    thumbprint: &str,
    blob: &Lookup<RegistryData>,
) -> MachineCertificate {
    let bytes = blob.as_seen().and_then(RegistryData::bytes);
    let properties = properties(bytes.unwrap_or_default());
    let find = |wanted| properties.iter().find(|(id, _)| *id == wanted).map(|(_, data)| *data);
    let certificate = match find(CERTIFICATE).map(read_certificate) {
        Some(Ok(read)) => Lookup::seen(read),
        Some(Err(why)) => Lookup::unavailable(why),
        None => Lookup::unavailable("its entry in the store holds no certificate"),
    };
    let key = match (bytes, find(KEY_PROVIDER_INFO)) {
        (None, _) => Lookup::unavailable("its entry in the store cannot be read"),
        (Some(_), None) => Lookup::Absent,
        (Some(_), Some(info)) => key_place(info).map_or_else(
            || Lookup::unavailable("what is said of its key is cut off"),
            |place| Lookup::seen(KeyPlace { file: key_file(system, &place), ..place }),
        ),
    };
    let thumbprint = thumbprint.to_ascii_lowercase();
    MachineCertificate { store: store.to_owned(), thumbprint, certificate, key }
}

/// The properties of a serialised certificate: id, 1, length, data, each number in 32 bits, little
/// end first (the format that `CertSerializeCertificateStoreElement` writes).
fn properties(mut bytes: &[u8]) -> Vec<(u32, &[u8])> {
    let mut properties = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<12>() {
        let [a, b, c, d, _, _, _, _, e, f, g, h] = *head;
        let length = usize::try_from(u32::from_le_bytes([e, f, g, h])).unwrap_or(usize::MAX);
        let Some((data, after)) = rest.split_at_checked(length) else { break };
        properties.push((u32::from_le_bytes([a, b, c, d]), data));
        bytes = after;
    }
    properties
}

/// A serialised CRYPT_KEY_PROV_INFO: seven numbers, the first two where the names stand.
fn key_place(info: &[u8]) -> Option<KeyPlace> {
    let number = |index: usize| -> Option<u32> {
        let bytes = info.get(index * 4..index * 4 + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    };
    let name = |index: usize| -> Option<String> {
        let bytes = info.get(usize::try_from(number(index)?).ok()?..)?;
        let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
        Some(String::from_utf16_lossy(&units))
    };
    Some(KeyPlace {
        container: name(0)?,
        provider: name(1)?,
        provider_type: number(2)?,
        key_spec: number(6)?,
        file: None,
    })
}

/// The file of a key of the machine: MD5 over the container's name in lower case with its final
/// zero, as four numbers, and the machine's GUID. `TSSecKeySet1` gives the well-known `f686aace...`.
/// CNG writes the file of its own keys under another folder with the name by the same rule.
fn key_file(system: &dyn System, place: &KeyPlace) -> Option<String> {
    let guid = system.registry_value(CRYPTOGRAPHY, "MachineGuid");
    let guid = guid.as_seen().and_then(RegistryData::text)?;
    let folder = if place.provider_type == 0 {
        r"%ProgramData%\Microsoft\Crypto\Keys"
    } else {
        r"%ProgramData%\Microsoft\Crypto\RSA\MachineKeys"
    };
    let folder = paths::expand(system, folder);
    Some(format!(r"{}\{}_{guid}", folder.as_seen()?, unique_name(&place.container)))
}

/// The first half of the name of a key's file.
pub fn unique_name(container: &str) -> String {
    let mut digest = Md5::new();
    digest.update(container.to_lowercase().as_bytes());
    digest.update([0]);
    let digest: [u8; 16] = digest.finalize().into();
    digest
        .chunks_exact(4)
        .map(|word| word.iter().rev().map(|byte| format!("{byte:02x}")).collect::<String>())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{key_place, properties, unique_name};

    #[test]
    fn the_well_known_key_of_remote_desktop() {
        assert_eq!(unique_name("TSSecKeySet1"), "f686aace6942fb7f7ceb231212eef4a4");
    }

    #[test]
    fn what_is_cut_off_is_left_out() {
        let whole = [2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0xAA, 0xBB];
        assert_eq!(properties(&whole), [(2, &[0xAA, 0xBB][..])]);
        assert_eq!(properties(&whole[..13]), []);
        assert_eq!(properties(&[0xFF; 40]), []);
        assert_eq!(key_place(&[0xFF; 27]), None);
        assert_eq!(key_place(&[0xFF; 64]), None);
    }
}
