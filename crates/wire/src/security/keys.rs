//! Session keys of Standard RDP Security (MS-RDPBCGR 5.3.5) and the way they change (5.3.7).

use md5::Md5;
use rc4::StreamCipher as _;
use sha1::{Digest as _, Sha1};

use super::layer::rc4;

/// Length of the client's and the server's random.
pub(super) const RANDOM_LENGTH: usize = 32;

/// The paddings of the signature (MS-RDPBCGR 5.3.6.1).
pub(super) const PAD1: [u8; 40] = [0x36; 40];
pub(super) const PAD2: [u8; 48] = [0x5C; 48];

/// How long RC4's keys are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strength {
    Bits40,
    Bits56,
    Bits128,
}

impl Strength {
    /// Shortens a key of 128 bits, its first bytes being known to everybody (MS-RDPBCGR 5.3.5.1).
    fn shorten(self, key: &[u8; 16]) -> Vec<u8> {
        let salted = |salt: &[u8]| [salt, &key[salt.len()..8]].concat();
        match self {
            Self::Bits40 => salted(&[0xD1, 0x26, 0x9E]),
            Self::Bits56 => salted(&[0xD1]),
            Self::Bits128 => key.to_vec(),
        }
    }
}

/// The keys of RC4 and MD5 (MS-RDPBCGR 5.3.5.1).
pub(super) struct SessionKeys {
    pub(super) signing: Vec<u8>,
    /// From the client to the server.
    pub(super) upwards: Vec<u8>,
    pub(super) downwards: Vec<u8>,
}

impl SessionKeys {
    pub(super) fn derive(
        client: &[u8; RANDOM_LENGTH],
        server: &[u8; RANDOM_LENGTH],
        strength: Strength,
    ) -> Self {
        let salted_hash = |secret: &[u8], salt: &[u8]| -> [u8; 16] {
            let inner = sha1(&[salt, secret, client, server]);
            md5(&[secret, &inner])
        };
        let three = |secret: &[u8], salts: [&[u8]; 3]| salts.map(|salt| salted_hash(secret, salt));
        let pre_master = [&client[..24], &server[..24]].concat();
        let master = three(&pre_master, [b"A", b"BB", b"CCC"]).concat();
        let [signing, downwards, upwards] = three(&master, [b"X", b"YY", b"ZZZ"]);
        let last = |key: [u8; 16]| strength.shorten(&md5(&[&key, client, server]));
        Self {
            signing: strength.shorten(&signing),
            upwards: last(upwards),
            downwards: last(downwards),
        }
    }
}

/// The key that follows `current` after 4096 PDUs (MS-RDPBCGR 5.3.7.1).
pub(super) fn next_key(
    initial: &[u8],
    current: &[u8],
    strength: Strength,
) -> Result<Vec<u8>, String> {
    let inner = sha1(&[initial, &PAD1, current]);
    let mut key = md5(&[initial, &PAD2, &inner]);
    let length = initial.len().min(key.len());
    let shortened = key[..length].to_vec();
    rc4(&shortened)?.apply_keystream(&mut key[..length]);
    Ok(strength.shorten(&key))
}

/// The keys of FIPS: Triple DES and HMAC-SHA1 (MS-RDPBCGR 5.3.5.2).
pub(super) struct FipsKeys {
    pub(super) signing: [u8; 20],
    pub(super) upwards: [u8; 24],
    pub(super) downwards: [u8; 24],
}

impl FipsKeys {
    pub(super) fn derive(client: &[u8; RANDOM_LENGTH], server: &[u8; RANDOM_LENGTH]) -> Self {
        let upwards = sha1(&[&client[16..], &server[16..]]);
        let downwards = sha1(&[&client[..16], &server[..16]]);
        Self {
            signing: sha1(&[&downwards, &upwards]),
            upwards: des_keys(&upwards),
            downwards: des_keys(&downwards),
        }
    }
}

/// Three DES keys from 168 bits: seven bits a byte, the lowest bits first. The lowest bit of each is
/// then set for odd parity, but DES passes over it, and so does this.
fn des_keys(hash: &[u8; 20]) -> [u8; 24] {
    let mut long = [0; 21];
    long[..20].copy_from_slice(hash);
    long[20] = hash[0];
    std::array::from_fn(|place| {
        (0..7).fold(0, |seven, bit| {
            let at = place * 7 + bit;
            seven | (long[at / 8] >> (at % 8) & 1) << bit
        })
    })
}

pub(super) fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    let mut hash = Sha1::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

pub(super) fn md5(parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Md5::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}
