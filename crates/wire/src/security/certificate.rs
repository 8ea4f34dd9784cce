//! The server's RSA key: in a proprietary certificate, or in an X.509 chain (MS-RDPBCGR 2.2.1.4.3.1).

use der_parser::ber::BerObjectContent;
use der_parser::der::parse_der_sequence;
use num_bigint::BigUint;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::keys::md5;
use crate::reader::Reader;

/// Version of a proprietary certificate, without the flag of a temporary one (2.2.1.4.3.1).
const CERT_CHAIN_VERSION_1: u32 = 1;
const CERT_CHAIN_VERSION_2: u32 = 2;

/// More certificates than any chain has.
const MOST_CERTIFICATES: u32 = 16;

/// Keys of fewer bits cannot hold the client's random; longer ones are not used here.
const KEY_BITS: std::ops::RangeInclusive<u64> = 512..=16_384;

/// Zeros behind every modulus, signature and ciphertext (2.2.1.4.3.1.1.1, 2.2.1.10.1).
const PADDING: usize = 8;

/// An RSA key of a server, with the certificate that it came in.
pub(super) struct ServerCertificate {
    pub(super) key: RsaKey,
    pub(super) proprietary: bool,
    /// Whether the signature of a proprietary certificate fits.
    pub(super) signature_valid: Option<bool>,
}

/// An RSA key.
pub(super) struct RsaKey {
    modulus: BigUint,
    exponent: BigUint,
}

impl RsaKey {
    /// The length of the modulus.
    pub(super) fn bits(&self) -> u64 {
        self.modulus.bits()
    }

    /// RSA without any padding, all numbers little-endian (5.3.4.1). `None` where the key is too
    /// short or absurdly long.
    pub(super) fn encrypt(&self, message: &[u8]) -> Option<Vec<u8>> {
        if !KEY_BITS.contains(&self.bits()) {
            return None;
        }
        let number = BigUint::from_bytes_le(message).modpow(&self.exponent, &self.modulus);
        let mut bytes = number.to_bytes_le();
        bytes.resize(usize::try_from(self.bits().div_ceil(8)).ok()? + PADDING, 0);
        Some(bytes)
    }
}

impl ServerCertificate {
    /// `None` when it cannot be read, or holds no RSA key.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        match reader.u32()? & 0x7FFF_FFFF {
            CERT_CHAIN_VERSION_1 => Self::proprietary(bytes, reader),
            CERT_CHAIN_VERSION_2 => Self::chain(reader),
            _ => None,
        }
    }

    /// Server Proprietary Certificate (2.2.1.4.3.1.1).
    fn proprietary(bytes: &[u8], mut reader: Reader<'_>) -> Option<Self> {
        // dwSigAlgId, dwKeyAlgId, wPublicKeyBlobType.
        reader.take(4 + 4 + 2)?;
        let length = reader.u16()?.into();
        let mut blob = Reader(reader.take(length)?);
        let signed = &bytes[..bytes.len() - reader.0.len()];
        if blob.take(4)? != b"RSA1" {
            return None;
        }
        let length = usize::try_from(blob.u32()?).ok()?;
        // bitlen, datalen.
        blob.take(4 + 4)?;
        let exponent = BigUint::from(blob.u32()?);
        let modulus = BigUint::from_bytes_le(blob.take(length)?);
        Some(Self {
            key: RsaKey { modulus, exponent },
            proprietary: true,
            signature_valid: signature(reader).map(|signature| signs(signature, signed)),
        })
    }

    /// X.509 certificates, the server's own last (2.2.1.4.3.1.2).
    fn chain(mut reader: Reader<'_>) -> Option<Self> {
        let count = reader.u32()?;
        let mut last: &[u8] = &[];
        for _ in 0..count.min(MOST_CERTIFICATES) {
            let length = usize::try_from(reader.u32()?).ok()?;
            last = reader.take(length)?;
        }
        let (_, certificate) = X509Certificate::from_der(last).ok()?;
        // Terminal servers name another algorithm than RSA's for their keys; the numbers are RSA's.
        let (_, key) =
            parse_der_sequence(&certificate.public_key().subject_public_key.data).ok()?;
        let mut numbers = key.as_sequence().ok()?.iter().map(|number| match number.content {
            BerObjectContent::Integer(bytes) => Some(BigUint::from_bytes_be(bytes)),
            _ => None,
        });
        let (modulus, exponent) = (numbers.next()??, numbers.next()??);
        let key = RsaKey { modulus, exponent };
        Some(Self { key, proprietary: false, signature_valid: None })
    }
}

/// The signature behind a proprietary certificate's key; `None` where there is none.
fn signature(mut reader: Reader<'_>) -> Option<&[u8]> {
    reader.u16()?;
    let length = reader.u16()?.into();
    reader.take(length)
}

/// Whether the well-known key of all terminal servers signed it (5.3.3.1.1, 5.3.3.1.3). Everybody has
/// that key: a right signature proves nothing, a wrong one is a sign of damage.
fn signs(signature: &[u8], signed: &[u8]) -> bool {
    let modulus = BigUint::from_bytes_le(&SIGNING_MODULUS);
    let exponent = BigUint::from(SIGNING_EXPONENT);
    let opened = BigUint::from_bytes_le(signature).modpow(&exponent, &modulus);
    // The hash, a zero, ones, and the block's type 1, in little-endian order.
    let mut expected = md5(&[signed]).to_vec();
    expected.push(0);
    expected.resize(62, 0xFF);
    expected.push(1);
    opened == BigUint::from_bytes_le(&expected)
}

/// Modulus of the Terminal Services Signing Key, as MS-RDPBCGR 5.3.3.1.1 prints it.
const SIGNING_MODULUS: [u8; 64] = [
    0x3D, 0x3A, 0x5E, 0xBD, 0x72, 0x43, 0x3E, 0xC9, 0x4D, 0xBB, 0xC1, 0x1E, 0x4A, 0xBA, 0x5F, 0xCB,
    0x3E, 0x88, 0x20, 0x87, 0xEF, 0xF5, 0xC1, 0xE2, 0xD7, 0xB7, 0x6B, 0x9A, 0xF2, 0x52, 0x45, 0x95,
    0xCE, 0x63, 0x65, 0x6B, 0x58, 0x3A, 0xFE, 0xEF, 0x7C, 0xE7, 0xBF, 0xFE, 0x3D, 0xF6, 0x5C, 0x7D,
    0x6C, 0x5E, 0x06, 0x09, 0x1A, 0xF5, 0x61, 0xBB, 0x20, 0x93, 0x09, 0x5F, 0x05, 0x6D, 0xEA, 0x87,
];

/// Its public exponent.
const SIGNING_EXPONENT: u32 = 0xC088_7B5B;

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Private exponent of the signing key (5.3.3.1.1).
    const SIGNING_PRIVATE: [u8; 64] = [
        0x87, 0xA7, 0x19, 0x32, 0xDA, 0x11, 0x87, 0x55, 0x58, 0x00, 0x16, 0x16, 0x25, 0x65, 0x68,
        0xF8, 0x24, 0x3E, 0xE6, 0xFA, 0xE9, 0x67, 0x49, 0x94, 0xCF, 0x92, 0xCC, 0x33, 0x99, 0xE8,
        0x08, 0x60, 0x17, 0x9A, 0x12, 0x9F, 0x24, 0xDD, 0xB1, 0x24, 0x99, 0xC7, 0x3A, 0xB8, 0x0A,
        0x7B, 0x0D, 0xDD, 0x35, 0x07, 0x79, 0x17, 0x0B, 0x51, 0x9B, 0xB3, 0xC7, 0x10, 0x01, 0x13,
        0xE7, 0x3F, 0xF3, 0x5F,
    ];

    /// A proprietary certificate for the signing key itself, signed with it: nobody keeps a secret.
    pub(in crate::security) fn certificate() -> Vec<u8> {
        let length = |length: usize| u16::try_from(length).expect("short").to_le_bytes();
        let modulus = [&SIGNING_MODULUS[..], &[0; 8]].concat();
        let blob = [
            &b"RSA1"[..],
            &[72, 0, 0, 0, 0, 2, 0, 0, 63, 0, 0, 0],
            &SIGNING_EXPONENT.to_le_bytes(),
            &modulus,
        ]
        .concat();
        let signed =
            [&[1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 6, 0][..], &length(blob.len()), &blob].concat();
        let mut block = md5(&[&signed]).to_vec();
        block.push(0);
        block.resize(62, 0xFF);
        block.push(1);
        let mut signature = decrypt(&block);
        signature.resize(72, 0);
        [&signed[..], &[8, 0], &length(signature.len()), &signature].concat()
    }

    /// RSA with the private key.
    pub(in crate::security) fn decrypt(bytes: &[u8]) -> Vec<u8> {
        let private = BigUint::from_bytes_le(&SIGNING_PRIVATE);
        let modulus = BigUint::from_bytes_le(&SIGNING_MODULUS);
        BigUint::from_bytes_le(bytes).modpow(&private, &modulus).to_bytes_le()
    }

    #[test]
    fn a_signature_is_right_or_wrong() {
        let mut bytes = certificate();
        let read = ServerCertificate::read(&bytes).expect("readable");
        assert_eq!((read.key.bits(), read.signature_valid), (512, Some(true)));
        let place = bytes.len() - 40;
        bytes[place] ^= 1;
        let read = ServerCertificate::read(&bytes).expect("readable");
        assert_eq!(read.signature_valid, Some(false));
        for length in 0..bytes.len() {
            let _ = ServerCertificate::read(&bytes[..length]);
        }
    }

    #[test]
    fn what_the_key_encrypts_its_owner_reads() {
        let key = ServerCertificate::read(&certificate()).expect("readable").key;
        let encrypted = key.encrypt(b"thirty-two bytes of a client's r").expect("long enough");
        assert_eq!(encrypted.len(), 72);
        assert_eq!(decrypt(&encrypted), b"thirty-two bytes of a client's r");
    }

    #[test]
    fn a_key_that_is_none_is_refused() {
        for modulus in [BigUint::from(0u8), BigUint::from(77u8)] {
            let key = RsaKey { modulus, exponent: BigUint::from(3u8) };
            assert_eq!(key.encrypt(b"x"), None);
        }
    }
}
