//! Records whose keys are known (RFC 5246 6.2.3, RFC 8446 5.2).
//!
//! The AEAD ciphers, which most of a long capture is sealed with, are `ring`'s: RustCrypto's take three
//! times as long for records of any length (AES-256-GCM, 400 bytes: 360 ns and 132 ns). It has no others.

use aes::{Aes128, Aes256};
use cbc::Decryptor;
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeDecrypt as _, KeyIvInit as _};
use des::TdesEde3;
use rc4::{KeyInit as _, Rc4, StreamCipher as _};
use ring::aead::{
    AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, MAX_TAG_LEN, Nonce, UnboundKey,
};

use super::kdf::hmac;
use super::suites::{Bulk, Hash};

const TLS_1_1: u16 = 0x0302;
const TLS_1_3: u16 = 0x0304;

/// The explicit part of a nonce of AES-GCM in TLS 1.2 (RFC 5288 3).
const EXPLICIT_NONCE: usize = 8;

/// Opens the records of one direction.
pub(super) struct Opener {
    version: u16,
    bulk: Bulk,
    cipher: Cipher,
    mac: Option<(Hash, Vec<u8>)>,
    /// encrypt_then_mac (RFC 7366).
    mac_last: bool,
    /// The part of the nonce that stays, or the IV of the next record of TLS 1.0.
    iv: Vec<u8>,
    sequence: u64,
}

enum Cipher {
    /// AES-GCM or ChaCha20-Poly1305. Nobody is told the numbers of what is only opened, so that the key
    /// need not count them.
    Aead(Box<LessSafeKey>),
    Rc4(Box<Rc4>),
    /// A block cipher in CBC mode is set up for each record.
    Cbc(Vec<u8>),
}

/// The keys of one direction.
pub(super) struct Keys {
    pub(super) mac: Vec<u8>,
    pub(super) key: Vec<u8>,
    pub(super) iv: Vec<u8>,
}

impl Opener {
    pub(super) fn new(
        version: u16,
        bulk: Bulk,
        mac: Option<Hash>,
        mac_last: bool,
        keys: Keys,
    ) -> Option<Self> {
        let Keys { mac: mac_key, key, iv } = keys;
        let aead = |algorithm| {
            let key = UnboundKey::new(algorithm, &key).ok()?;
            Some(Cipher::Aead(Box::new(LessSafeKey::new(key))))
        };
        let cipher = match bulk {
            Bulk::Aes128Gcm => aead(&AES_128_GCM)?,
            Bulk::Aes256Gcm => aead(&AES_256_GCM)?,
            Bulk::ChaCha20 => aead(&CHACHA20_POLY1305)?,
            Bulk::Rc4 => Cipher::Rc4(Box::new(Rc4::new_from_slice(&key).ok()?)),
            Bulk::Aes128Cbc | Bulk::Aes256Cbc | Bulk::TripleDes => Cipher::Cbc(key),
        };
        let mac = mac.map(|hash| (hash, mac_key));
        Some(Self { version, bulk, cipher, mac, mac_last, iv, sequence: 0 })
    }

    /// The content type and the content of a record; `None` when it is not what the keys are for.
    pub(super) fn open(&mut self, header: [u8; 5], content: &[u8]) -> Option<(u8, Vec<u8>)> {
        let mut opened = match &self.cipher {
            Cipher::Rc4(_) | Cipher::Cbc(_) => self.authenticated(header, content)?,
            Cipher::Aead(key) => self.sealed(key, header, content)?,
        };
        self.sequence = self.sequence.wrapping_add(1);
        if self.version < TLS_1_3 {
            return Some((header[0], opened));
        }
        // RFC 8446 5.2: the type is the last byte that is not zero.
        let end = opened.iter().rposition(|&byte| byte != 0)?;
        let kind = *opened.get(end)?;
        opened.truncate(end);
        Some((kind, opened))
    }

    /// AEAD ciphers.
    fn sealed(&self, key: &LessSafeKey, header: [u8; 5], content: &[u8]) -> Option<Vec<u8>> {
        let gcm = matches!(self.bulk, Bulk::Aes128Gcm | Bulk::Aes256Gcm);
        let (nonce, sealed) = if gcm && self.version < TLS_1_3 {
            let (explicit, sealed) = content.split_first_chunk::<EXPLICIT_NONCE>()?;
            let mut nonce = [0; 12];
            let (first, second) = nonce.split_at_mut_checked(self.iv.len())?;
            first.copy_from_slice(&self.iv);
            second.get_mut(..EXPLICIT_NONCE)?.copy_from_slice(explicit);
            (nonce, sealed)
        } else {
            // RFC 8446 5.3 and RFC 7905 2.
            let mut nonce: [u8; 12] = self.iv.as_slice().try_into().ok()?;
            for (byte, number) in nonce.iter_mut().rev().zip(self.sequence.to_le_bytes()) {
                *byte ^= number;
            }
            (nonce, content)
        };
        let length = u16::try_from(sealed.len().checked_sub(MAX_TAG_LEN)?).ok()?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let mut content = sealed.to_vec();
        let plain = if self.version < TLS_1_3 {
            key.open_in_place(nonce, Aad::from(self.head(header, length)), &mut content)
        } else {
            key.open_in_place(nonce, Aad::from(header), &mut content)
        };
        let length = plain.ok()?.len();
        content.truncate(length);
        Some(content)
    }

    /// Ciphers with a MAC beside them.
    fn authenticated(&mut self, header: [u8; 5], content: &[u8]) -> Option<Vec<u8>> {
        let (hash, key) = self.mac.clone()?;
        let mut body = content;
        let block = matches!(self.cipher, Cipher::Cbc(_));
        let mac_behind = self.mac_last && block;
        if mac_behind {
            let (sealed, mac) =
                content.split_at_checked(content.len().checked_sub(hash.length())?)?;
            let head = self.head(header, u16::try_from(sealed.len()).ok()?);
            (hmac(hash, &key, &[&head, sealed])? == mac).then_some(())?;
            body = sealed;
        }
        let mut plain = self.decrypted(body)?;
        if block {
            let padding = usize::from(*plain.last()?) + 1;
            plain.truncate(plain.len().checked_sub(padding)?);
        }
        if !mac_behind {
            let mac = plain.split_off(plain.len().checked_sub(hash.length())?);
            let head = self.head(header, u16::try_from(plain.len()).ok()?);
            (hmac(hash, &key, &[&head, &plain])? == mac).then_some(())?;
        }
        Some(plain)
    }

    fn decrypted(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        let key = match &mut self.cipher {
            Cipher::Rc4(cipher) => {
                let mut plain = body.to_vec();
                cipher.try_apply_keystream(&mut plain).ok()?;
                return Some(plain);
            }
            Cipher::Cbc(key) => key,
            _ => return None,
        };
        let size = if self.bulk == Bulk::TripleDes { 8 } else { 16 };
        let (iv, body) = if self.version >= TLS_1_1 {
            let (iv, body) = body.split_at_checked(size)?;
            (iv.to_vec(), body)
        } else {
            // TLS 1.0: the last block of one record is the IV of the next.
            let last = body.get(body.len().checked_sub(size)?..)?.to_vec();
            (std::mem::replace(&mut self.iv, last), body)
        };
        let mut plain = body.to_vec();
        match self.bulk {
            Bulk::Aes128Cbc => cbc::<Aes128>(key, &iv, &mut plain)?,
            Bulk::Aes256Cbc => cbc::<Aes256>(key, &iv, &mut plain)?,
            _ => cbc::<TdesEde3>(key, &iv, &mut plain)?,
        }
        Some(plain)
    }

    /// What is authenticated before the content (RFC 5246 6.2.3.1).
    fn head(&self, header: [u8; 5], length: u16) -> [u8; 13] {
        let ([s0, s1, s2, s3, s4, s5, s6, s7], [high, low]) =
            (self.sequence.to_be_bytes(), length.to_be_bytes());
        let [kind, major, minor, ..] = header;
        [s0, s1, s2, s3, s4, s5, s6, s7, kind, major, minor, high, low]
    }
}

fn cbc<C>(key: &[u8], iv: &[u8], data: &mut [u8]) -> Option<()>
where
    C: cbc::cipher::BlockCipherDecrypt + cbc::cipher::KeyInit,
{
    let cipher = Decryptor::<C>::new_from_slices(key, iv).ok()?;
    cipher.decrypt_padded::<NoPadding>(data).ok()?;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OpenSSL as it is built for the tests of the whole has no RC4 to talk with.
    #[test]
    fn rc4_goes_on_from_record_to_record() {
        let (mac, key) = (vec![7; 20], vec![9; 16]);
        let mut sender = Rc4::new_from_slice(&key).expect("a key");
        let keys = Keys { mac: mac.clone(), key, iv: Vec::new() };
        let mut opener =
            Opener::new(0x0301, Bulk::Rc4, Some(Hash::Sha1), true, keys).expect("an opener");
        for (sequence, text) in [&b"first"[..], b"second", b""].into_iter().enumerate() {
            let length = u16::try_from(text.len()).expect("short");
            let mut head = (sequence as u64).to_be_bytes().to_vec();
            head.extend([23, 3, 1]);
            head.extend(length.to_be_bytes());
            let mut record = text.to_vec();
            record.extend(hmac(Hash::Sha1, &mac, &[&head, text]).expect("a MAC"));
            sender.try_apply_keystream(&mut record).expect("enough");
            let opened = opener.open([23, 3, 1, 0, 0], &record);
            assert_eq!(opened, Some((23, text.to_vec())));
        }
        assert_eq!(opener.open([23, 3, 1, 0, 0], &[0; 30]), None, "nobody sent that");
        assert_eq!(opener.open([23, 3, 1, 0, 0], &[]), None);
    }
}
