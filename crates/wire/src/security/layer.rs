//! The layer between framing and sequence: it encrypts and signs the PDUs that the client sends, and
//! opens those of the server, so that what is above reads them as it does inside TLS (MS-RDPBCGR 5.3.6).

use des::cipher::{Block, BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rc4::{Rc4, StreamCipher as _};
use sha1::Sha1;

use super::keys::{
    FipsKeys, PAD1, PAD2, RANDOM_LENGTH, SessionKeys, Strength, md5, next_key, sha1,
};
use super::{
    SEC_ENCRYPT, SEC_LICENSE_ENCRYPT, SEC_LICENSE_PKT, SEC_REDIRECTION_PKT, SEC_SECURE_CHECKSUM,
};
use crate::frame::{self, Frame};
use crate::mcs::{self, Domain};
use crate::reader::Reader;
use crate::share;

/// Flags in the highest bits of a fast-path PDU's first byte (MS-RDPBCGR 2.2.9.1.2).
const FASTPATH_SECURE_CHECKSUM: u8 = 1;
const FASTPATH_ENCRYPTED: u8 = 2;

/// A key of RC4 serves for so many PDUs (5.3.7).
const PDUS_A_KEY: u32 = 4096;

/// The first block of FIPS' chain (5.3.6.2).
const INITIAL_VECTOR: [u8; 8] = [0x12, 0x34, 0x56, 0x78, 0x90, 0xAB, 0xCD, 0xEF];

/// Length of a signature.
const SIGNATURE: usize = 8;

/// How long the parts of a Send Data PDU are before its PER length: TPKT, X.224, choice, initiator,
/// channel, priority.
const BEFORE_LENGTH: usize = 4 + 3 + 1 + 2 + 2 + 1;

/// What encrypts and signs.
pub struct Layer {
    outgoing: Direction,
    incoming: Direction,
    /// The server encrypts its licensing messages, and so does the client.
    licensing_encrypted: bool,
}

/// A PDU on its way through the layer.
pub struct Passed {
    /// The PDU: of the client as it goes on the wire, of the server as it would be inside TLS.
    pub pdu: Vec<u8>,
    /// Flags and content of what is encrypted in it, for a dissector.
    pub content: Option<(u16, Vec<u8>)>,
}

impl Layer {
    pub(super) fn rc4(
        client: &[u8; RANDOM_LENGTH],
        server: &[u8; RANDOM_LENGTH],
        strength: Strength,
    ) -> Result<Self, String> {
        let keys = SessionKeys::derive(client, server, strength);
        let direction = |key: &[u8]| {
            let suite = Rc4Suite {
                strength,
                signing: keys.signing.clone(),
                cipher: rc4(key)?,
                initial: key.to_vec(),
                current: key.to_vec(),
            };
            Ok::<_, String>(Direction { count: 0, suite: Suite::Rc4(Box::new(suite)) })
        };
        Ok(Self::new(direction(&keys.upwards)?, direction(&keys.downwards)?))
    }

    pub(super) fn fips(client: &[u8; RANDOM_LENGTH], server: &[u8; RANDOM_LENGTH]) -> Self {
        let keys = FipsKeys::derive(client, server);
        let suite = |key| Suite::Fips { signing: keys.signing, key, chain: INITIAL_VECTOR };
        Self::new(
            Direction { count: 0, suite: suite(keys.upwards) },
            Direction { count: 0, suite: suite(keys.downwards) },
        )
    }

    fn new(outgoing: Direction, incoming: Direction) -> Self {
        Self { outgoing, incoming, licensing_encrypted: false }
    }

    /// Seals what the client sends: whole PDUs, as many as there are.
    ///
    /// # Errors
    /// When the bytes are no PDUs, which is a bug.
    pub fn seal(&mut self, flight: &[u8]) -> Result<Vec<Passed>, String> {
        let mut sealed = Vec::new();
        let mut rest = flight;
        while !rest.is_empty() {
            let Frame::Whole(length) = frame::pdu(rest) else {
                return Err("a message that is no PDU".to_owned());
            };
            let (pdu, behind) = rest.split_at(length);
            sealed.push(self.seal_pdu(pdu)?);
            rest = behind;
        }
        Ok(sealed)
    }

    fn seal_pdu(&mut self, pdu: &[u8]) -> Result<Passed, String> {
        let as_it_is = || Ok(Passed { pdu: pdu.to_vec(), content: None });
        let Ok(Domain::Data { content, .. }) = mcs::read_domain(pdu.get(4..).unwrap_or_default())
        else {
            return as_it_is();
        };
        let (flags, body) = if share::begins(content) { (0, content) } else { header(content)? };
        if flags & SEC_LICENSE_PKT != 0 && !self.licensing_encrypted {
            return as_it_is();
        }
        let mut secured = [(flags | SEC_ENCRYPT).to_le_bytes(), [0; 2]].concat();
        secured.extend(self.outgoing.seal(body)?);
        let pdu = with_content(pdu, &secured)?;
        Ok(Passed { pdu, content: Some((flags, body.to_vec())) })
    }

    /// Opens one PDU of the server.
    ///
    /// # Errors
    /// When it is cut short, or its signature does not fit.
    pub fn open(&mut self, pdu: &[u8]) -> Result<Passed, String> {
        if pdu.first() == Some(&3) { self.open_slow(pdu) } else { self.open_fast(pdu) }
    }

    /// The other end of the same connection.
    #[cfg(test)]
    pub(super) fn turned(self) -> Self {
        Self { outgoing: self.incoming, incoming: self.outgoing, ..self }
    }

    fn open_slow(&mut self, pdu: &[u8]) -> Result<Passed, String> {
        let as_it_is = || Ok(Passed { pdu: pdu.to_vec(), content: None });
        let Ok(Domain::Data { content, .. }) = mcs::read_domain(pdu.get(4..).unwrap_or_default())
        else {
            return as_it_is();
        };
        let (flags, rest) = header(content)?;
        if flags & SEC_LICENSE_PKT != 0 {
            self.licensing_encrypted |= flags & SEC_LICENSE_ENCRYPT != 0;
        }
        let kept = flags & (SEC_LICENSE_PKT | SEC_REDIRECTION_PKT) != 0;
        if flags & SEC_ENCRYPT == 0 {
            return if kept {
                as_it_is()
            } else {
                Ok(Passed { pdu: with_content(pdu, rest)?, content: None })
            };
        }
        let body = self.incoming.open(rest, flags & SEC_SECURE_CHECKSUM != 0)?;
        let flags = flags & !(SEC_ENCRYPT | SEC_SECURE_CHECKSUM);
        let plain =
            if kept { [&flags.to_le_bytes()[..], &[0; 2], &body].concat() } else { body.clone() };
        Ok(Passed { pdu: with_content(pdu, &plain)?, content: Some((flags, body)) })
    }

    /// A fast-path PDU (2.2.9.1.2).
    fn open_fast(&mut self, pdu: &[u8]) -> Result<Passed, String> {
        let mut reader = Reader(pdu);
        let (first, length) = reader.u8().zip(reader.u8()).ok_or("an empty PDU")?;
        if length & 0x80 != 0 {
            reader.u8();
        }
        let flags = first >> 6;
        if flags & FASTPATH_ENCRYPTED == 0 {
            return Ok(Passed { pdu: pdu.to_vec(), content: None });
        }
        let body = self.incoming.open(reader.0, flags & FASTPATH_SECURE_CHECKSUM != 0)?;
        let length = u16::try_from(body.len() + 3).map_err(|error| error.to_string())?;
        let [high, low] = (length | 0x8000).to_be_bytes();
        let pdu = [&[first & 0x3F, high, low][..], &body].concat();
        Ok(Passed { pdu, content: None })
    }
}

/// Flags of the security header, and what is behind it (2.2.8.1.1.2.1).
fn header(content: &[u8]) -> Result<(u16, &[u8]), String> {
    let mut reader = Reader(content);
    let (flags, _high) = reader.u16().zip(reader.u16()).ok_or("a PDU without a header")?;
    Ok((flags, reader.0))
}

/// The Send Data PDU with another content.
fn with_content(pdu: &[u8], content: &[u8]) -> Result<Vec<u8>, String> {
    let before = pdu.get(..BEFORE_LENGTH).ok_or("a PDU that is cut short")?;
    let length = u16::try_from(content.len()).ok().filter(|length| *length < 0x4000);
    let length = length.ok_or("a PDU that is too long")?;
    let mut bytes = before.to_vec();
    bytes.extend((length | 0x8000).to_be_bytes());
    bytes.extend(content);
    let total = u16::try_from(bytes.len()).map_err(|error| error.to_string())?;
    bytes[2..4].copy_from_slice(&total.to_be_bytes());
    Ok(bytes)
}

/// What passes one way.
struct Direction {
    /// How many PDUs passed.
    count: u32,
    suite: Suite,
}

enum Suite {
    Rc4(Box<Rc4Suite>),
    Fips { signing: [u8; 20], key: [u8; 24], chain: [u8; 8] },
}

struct Rc4Suite {
    strength: Strength,
    signing: Vec<u8>,
    cipher: Rc4,
    initial: Vec<u8>,
    current: Vec<u8>,
}

impl Rc4Suite {
    fn apply(&mut self, count: u32, bytes: &mut [u8]) -> Result<(), String> {
        if count > 0 && count.is_multiple_of(PDUS_A_KEY) {
            self.current = next_key(&self.initial, &self.current, self.strength)?;
            self.cipher = rc4(&self.current)?;
        }
        self.cipher.apply_keystream(bytes);
        Ok(())
    }

    /// 5.3.6.1, and 5.3.6.1.1 where the number of PDUs goes into it.
    fn signature(&self, body: &[u8], salt: &[u8]) -> [u8; 16] {
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes();
        let inner = sha1(&[&self.signing, &PAD1, &length, body, salt]);
        md5(&[&self.signing, &PAD2, &inner])
    }
}

impl Direction {
    /// What stands behind the first four bytes of the security header.
    fn seal(&mut self, body: &[u8]) -> Result<Vec<u8>, String> {
        let count = self.count;
        self.count = self.count.wrapping_add(1);
        match &mut self.suite {
            Suite::Rc4(suite) => {
                let mut sealed = suite.signature(body, &[])[..SIGNATURE].to_vec();
                let mut encrypted = body.to_vec();
                suite.apply(count, &mut encrypted)?;
                sealed.extend(encrypted);
                Ok(sealed)
            }
            Suite::Fips { signing, key, chain } => {
                let padding = body.len().wrapping_neg() % 8;
                // Length and version of this header (2.2.8.1.1.2.3).
                let mut sealed = vec![16, 0, 1, u8::try_from(padding).unwrap_or(0)];
                sealed.extend(&fips_signature(signing, body, count)[..SIGNATURE]);
                let mut encrypted = [body, &vec![0; padding]].concat();
                fips_encrypt(key, chain, &mut encrypted);
                sealed.extend(encrypted);
                Ok(sealed)
            }
        }
    }

    fn open(&mut self, bytes: &[u8], salted: bool) -> Result<Vec<u8>, String> {
        let count = self.count;
        self.count = self.count.wrapping_add(1);
        let mut reader = Reader(bytes);
        let short = || "an encrypted PDU that is cut short".to_owned();
        let (body, fits) = match &mut self.suite {
            Suite::Rc4(suite) => {
                let signature = reader.take(SIGNATURE).ok_or_else(short)?;
                let mut body = reader.0.to_vec();
                suite.apply(count, &mut body)?;
                let salt = count.to_le_bytes();
                let expected = suite.signature(&body, if salted { &salt } else { &[] });
                let fits = expected[..SIGNATURE] == *signature;
                (body, fits)
            }
            Suite::Fips { signing, key, chain } => {
                reader.take(3).ok_or_else(short)?;
                let padding = usize::from(reader.u8().ok_or_else(short)?);
                let signature = reader.take(SIGNATURE).ok_or_else(short)?;
                let mut body = reader.0.to_vec();
                if !body.len().is_multiple_of(8) || padding >= 8 || padding > body.len() {
                    return Err(short());
                }
                fips_decrypt(key, chain, &mut body);
                body.truncate(body.len() - padding);
                let expected = fips_signature(signing, &body, count);
                let fits = expected[..SIGNATURE] == *signature;
                (body, fits)
            }
        };
        if fits { Ok(body) } else { Err("a PDU whose signature does not fit".to_owned()) }
    }
}

/// HMAC-SHA1 over the content and the number of PDUs before it (5.3.6.2).
fn fips_signature(key: &[u8; 20], body: &[u8], count: u32) -> [u8; 20] {
    // HMAC fills a key up with zeros to SHA-1's block of 64 bytes (RFC 2104 2).
    let mut block = [0; 64];
    block[..20].copy_from_slice(key);
    let mut hmac = Hmac::<Sha1>::new(&block.into());
    hmac.update(body);
    hmac.update(&count.to_le_bytes());
    hmac.finalize().into_bytes().into()
}

/// Triple DES in a chain that goes on from PDU to PDU.
fn fips_encrypt(key: &[u8; 24], chain: &mut [u8; 8], bytes: &mut [u8]) {
    let mut cipher = cbc::Encryptor::<des::TdesEde3>::new(key.into(), (&*chain).into());
    for block in bytes.chunks_exact_mut(8) {
        let Ok(block) = <&mut Block<cbc::Encryptor<des::TdesEde3>>>::try_from(block) else {
            return;
        };
        cipher.encrypt_block(block);
        chain.copy_from_slice(block);
    }
}

fn fips_decrypt(key: &[u8; 24], chain: &mut [u8; 8], bytes: &mut [u8]) {
    let mut cipher = cbc::Decryptor::<des::TdesEde3>::new(key.into(), (&*chain).into());
    for block in bytes.chunks_exact_mut(8) {
        let Ok(block) = <&mut Block<cbc::Decryptor<des::TdesEde3>>>::try_from(block) else {
            return;
        };
        chain.copy_from_slice(block);
        cipher.decrypt_block(block);
    }
}

/// RC4 with a key of 1 to 256 bytes.
pub(super) fn rc4(key: &[u8]) -> Result<Rc4, String> {
    Rc4::new_from_slice(key).map_err(|error| error.to_string())
}
