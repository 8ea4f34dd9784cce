//! The server's data for Standard RDP Security (MS-RDPBCGR 2.2.1.4.3).

use rdpdoctor_model::{Fact, Lookup, ServerKey};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;

use crate::reader::Reader;

/// Version of a proprietary certificate, without the flag of a temporary one (2.2.1.4.3.1).
const CERT_CHAIN_VERSION_1: u32 = 1;
const CERT_CHAIN_VERSION_2: u32 = 2;

/// More certificates than any chain has.
const MOST_CERTIFICATES: u32 = 16;

/// Reads the block behind its header; nothing where no encryption is wanted.
pub(crate) fn read(block: &[u8]) -> Option<Fact> {
    let mut reader = Reader(block);
    let (encryption_method, encryption_level) = (reader.u32()?, reader.u32()?);
    if encryption_method == 0 && encryption_level == 0 {
        return None;
    }
    let sizes = reader.u32().zip(reader.u32());
    let (random_length, certificate) = match sizes {
        None => (0, Lookup::Absent),
        Some((random, certificate)) => {
            let random = usize::try_from(random).ok().and_then(|n| reader.take(n));
            let certificate = usize::try_from(certificate).ok().and_then(|n| reader.take(n));
            let key = match certificate {
                Some([]) => Lookup::Absent,
                Some(bytes) => match key(bytes) {
                    Some(key) => Lookup::seen(key),
                    None => Lookup::unavailable("the certificate is not readable"),
                },
                None => Lookup::unavailable("the certificate is cut short"),
            };
            (random.map_or(0, <[u8]>::len), key)
        }
    };
    Some(Fact::ServerSecurityData {
        encryption_method,
        encryption_level,
        random_length,
        certificate,
    })
}

fn key(certificate: &[u8]) -> Option<ServerKey> {
    let mut reader = Reader(certificate);
    match reader.u32()? & 0x7FFF_FFFF {
        CERT_CHAIN_VERSION_1 => {
            // dwSigAlgId, dwKeyAlgId, wPublicKeyBlobType, wPublicKeyBlobLen, then RSA1, keylen, bitlen.
            reader.take(4 + 4 + 2 + 2)?;
            if reader.take(4)? != b"RSA1" {
                return None;
            }
            reader.u32()?;
            let bits = reader.u32()?;
            Some(ServerKey { proprietary: true, bits, signature_valid: None })
        }
        CERT_CHAIN_VERSION_2 => {
            let count = reader.u32()?;
            let mut last: &[u8] = &[];
            for _ in 0..count.min(MOST_CERTIFICATES) {
                let length = usize::try_from(reader.u32()?).ok()?;
                last = reader.take(length)?;
            }
            let (_, read) = X509Certificate::from_der(last).ok()?;
            let PublicKey::RSA(key) = read.public_key().parsed().ok()? else { return None };
            let bits = u32::try_from(key.key_size()).ok()?;
            Some(ServerKey { proprietary: false, bits, signature_valid: None })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(certificate: &[u8]) -> Vec<u8> {
        let length = u32::try_from(certificate.len()).expect("short").to_le_bytes();
        let numbers = [2u32, 3, 32].map(u32::to_le_bytes).concat();
        [&numbers[..], &length, &[9; 32], certificate].concat()
    }

    #[test]
    fn a_proprietary_certificate() {
        let key = [1u32, 1, 1, 0x005C_0006].map(u32::to_le_bytes).concat();
        let key = [&key[..], b"RSA1", &72u32.to_le_bytes(), &512u32.to_le_bytes()].concat();
        let expected = ServerKey { proprietary: true, bits: 512, signature_valid: None };
        let fact = read(&block(&key)).expect("a fact");
        assert_eq!(
            fact,
            Fact::ServerSecurityData {
                encryption_method: 2,
                encryption_level: 3,
                random_length: 32,
                certificate: Lookup::seen(expected),
            }
        );
    }

    #[test]
    fn what_is_none_and_what_is_broken() {
        assert_eq!(read(&[0; 8]), None);
        for certificate in [&b"x"[..], &[2, 0, 0, 0, 1, 0, 0, 0, 255, 255, 255, 255]] {
            let fact = read(&block(certificate));
            assert!(
                matches!(
                    fact,
                    Some(Fact::ServerSecurityData { certificate: Lookup::Unavailable { .. }, .. })
                ),
                "{fact:?}"
            );
        }
    }
}
