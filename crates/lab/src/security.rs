//! The server's half of Standard RDP Security (MS-RDPBCGR 5.3), written on its own with OpenSSL's
//! primitives: what a client gets wrong cannot be wrong here in the same way.

use std::io;

use ironrdp_pdu::gcc::{EncryptionLevel, EncryptionMethod, ServerSecurityData};
use openssl::bn::{BigNum, BigNumContext};
use openssl::hash::{Hasher, MessageDigest};
use openssl::pkey::{PKey, Private};
use openssl::rand::rand_bytes;
use openssl::rsa::{Padding, Rsa};
use openssl::sign::Signer;
use openssl::symm::{Cipher as Block, Crypter, Mode};

use crate::rc4::Rc4;

/// Length of the key in a proprietary certificate.
const KEY_BITS: u32 = 512;

/// Zeros behind numbers (2.2.1.4.3.1.1.1).
const PADDING: [u8; 8] = [0; 8];

/// Flags of the security header (2.2.8.1.1.2.1).
const SEC_EXCHANGE_PKT: u16 = 0x0001;
const SEC_ENCRYPT: u16 = 0x0008;
const SEC_INFO_PKT: u16 = 0x0040;
const SEC_LICENSE_PKT: u16 = 0x0080;
const SEC_REDIRECTION_PKT: u16 = 0x0400;
const SEC_SECURE_CHECKSUM: u16 = 0x0800;

/// How long a Send Data PDU is before its PER length, whose two bytes follow.
const BEFORE_LENGTH: usize = 13;

/// Which encryption a server insists on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StandardSecurity {
    /// encryptionMethod.
    pub(crate) method: EncryptionMethod,
    /// encryptionLevel.
    pub(crate) level: EncryptionLevel,
}

impl StandardSecurity {
    /// What Windows 2000 to Server 2008 choose for a client that can do all.
    pub(crate) const HEALTHY: Self =
        Self { method: EncryptionMethod::BIT_128, level: EncryptionLevel::ClientCompatible };
}

/// What a server has said and not yet used.
pub(crate) struct Offer {
    security: StandardSecurity,
    key: Rsa<Private>,
    random: [u8; 32],
}

impl Offer {
    pub(crate) fn new(security: StandardSecurity) -> io::Result<Self> {
        let mut random = [0; 32];
        rand_bytes(&mut random)?;
        Ok(Self { security, key: Rsa::generate(KEY_BITS)?, random })
    }

    /// What the Connect Response says of it.
    pub(crate) fn server_data(&self) -> io::Result<ServerSecurityData> {
        Ok(ServerSecurityData {
            encryption_method: self.security.method,
            encryption_level: self.security.level,
            server_random: Some(self.random),
            server_cert: self.certificate()?,
        })
    }

    /// A Server Proprietary Certificate (2.2.1.4.3.1.1).
    fn certificate(&self) -> io::Result<Vec<u8>> {
        let length = KEY_BITS / 8;
        let public_key = [
            &b"RSA1"[..],
            &(length + 8).to_le_bytes(),
            &KEY_BITS.to_le_bytes(),
            &(length - 1).to_le_bytes(),
            &65_537u32.to_le_bytes(),
            &little_endian(self.key.n(), length)?,
            &PADDING,
        ]
        .concat();
        // dwVersion CERT_CHAIN_VERSION_1, SIGNATURE_ALG_RSA, KEY_EXCHANGE_ALG_RSA.
        let signed = [&[1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0][..], &blob(6, &public_key)].concat();
        let signature = [&sign(&signed)?[..], &PADDING].concat();
        Ok([signed, blob(8, &signature)].concat())
    }

    /// The encryption that a Security Exchange PDU (2.2.1.10) agrees; `None` when it is none.
    pub(crate) fn agreed(&self, pdu: &[u8]) -> io::Result<Option<Encryption>> {
        let exchange = content(pdu).and_then(|content| content.split_at_checked(8));
        let Some((header, encrypted)) = exchange else { return Ok(None) };
        if u16::from_le_bytes([header[0], header[1]]) & SEC_EXCHANGE_PKT == 0 {
            return Ok(None);
        }
        let broken = || io::Error::from(io::ErrorKind::InvalidData);
        let mut encrypted = encrypted.get(..KEY_BITS as usize / 8).ok_or_else(broken)?.to_vec();
        encrypted.reverse();
        let mut random = vec![0; KEY_BITS as usize / 8];
        self.key.private_decrypt(&encrypted, &mut random, Padding::NONE)?;
        random.reverse();
        let client = random.first_chunk::<32>().ok_or_else(broken)?;
        Encryption::new(self.security, client, &self.random).map(Some)
    }
}

/// The encryption of one connection.
pub(crate) struct Encryption {
    level: EncryptionLevel,
    from_client: Half,
    from_server: Half,
}

impl Encryption {
    fn new(security: StandardSecurity, client: &[u8; 32], server: &[u8; 32]) -> io::Result<Self> {
        let level = security.level;
        if security.method == EncryptionMethod::FIPS {
            let upwards = sha1(&[&client[16..], &server[16..]])?;
            let downwards = sha1(&[&client[..16], &server[..16]])?;
            let signing = sha1(&[&downwards, &upwards])?;
            let half = |key: &[u8], mode| {
                let vector = [0x12, 0x34, 0x56, 0x78, 0x90, 0xAB, 0xCD, 0xEF];
                let key = triple_des_key(key);
                let mut crypter = Crypter::new(Block::des_ede3_cbc(), mode, &key, Some(&vector))?;
                crypter.pad(false);
                Ok::<_, io::Error>(Half::Fips { signing: signing.clone(), crypter, count: 0 })
            };
            return Ok(Self {
                level,
                from_client: half(&upwards, Mode::Decrypt)?,
                from_server: half(&downwards, Mode::Encrypt)?,
            });
        }
        // 5.3.5.1: the master secret, the session key blob, and what is left of its thirds.
        let salted =
            |secret: &[u8], salt: &[u8]| md5(&[secret, &sha1(&[salt, secret, client, server])?]);
        let pre_master = [&client[..24], &server[..24]].concat();
        let mut master = Vec::new();
        for salt in [&b"A"[..], b"BB", b"CCC"] {
            master.extend(salted(&pre_master, salt)?);
        }
        let shortened = |key: Vec<u8>| match security.method {
            EncryptionMethod::BIT_40 => [&[0xD1, 0x26, 0x9E], &key[3..8]].concat(),
            EncryptionMethod::BIT_56 => [&[0xD1], &key[1..8]].concat(),
            _ => key,
        };
        let signing = shortened(salted(&master, b"X")?);
        let half = |salt: &[u8]| {
            let key = shortened(md5(&[&salted(&master, salt)?, client, server])?);
            let cipher = Box::new(Rc4::new(&key));
            Ok::<_, io::Error>(Half::Rc4 { signing: signing.clone(), cipher, count: 0 })
        };
        Ok(Self { level, from_client: half(b"ZZZ")?, from_server: half(b"YY")? })
    }

    /// A client's PDU as it would be inside TLS.
    pub(crate) fn open(&mut self, pdu: Vec<u8>) -> io::Result<Vec<u8>> {
        let Some((header, sealed)) = content(&pdu).and_then(|data| data.split_at_checked(4)) else {
            return Ok(pdu);
        };
        let flags = u16::from_le_bytes([header[0], header[1]]);
        if flags & SEC_ENCRYPT == 0 {
            return Ok(pdu);
        }
        let body = self.from_client.open(sealed, flags & SEC_SECURE_CHECKSUM != 0)?;
        let flags = flags & !(SEC_ENCRYPT | SEC_SECURE_CHECKSUM);
        let headed = flags & (SEC_INFO_PKT | SEC_LICENSE_PKT) != 0;
        let header = [flags.to_le_bytes(), [0; 2]].concat();
        let plain = if headed { [header, body].concat() } else { body };
        Ok(with_content(&pdu, &plain))
    }

    /// The server's PDU as it goes on the wire.
    pub(crate) fn seal(&mut self, pdu: &[u8]) -> io::Result<Vec<u8>> {
        if pdu.first() != Some(&3) {
            return self.seal_fast(pdu);
        }
        let Some(content) = content(pdu) else { return Ok(pdu.to_vec()) };
        let flags = content.first_chunk().map_or(0, |bytes| u16::from_le_bytes(*bytes));
        let headed = usize::from(flags) != content.len()
            && flags & (SEC_LICENSE_PKT | SEC_REDIRECTION_PKT) != 0;
        if headed {
            return Ok(pdu.to_vec());
        }
        // 2.2.8.1.1.2: at the low level only the client encrypts.
        let sealed = match self.level {
            EncryptionLevel::Low => [&[0; 4][..], content].concat(),
            _ => {
                let header = [SEC_ENCRYPT.to_le_bytes(), [0; 2]].concat();
                [header, self.from_server.seal(content)?].concat()
            }
        };
        Ok(with_content(pdu, &sealed))
    }

    /// 2.2.9.1.2: the flag of an encrypted PDU, and the length of the longer one.
    fn seal_fast(&mut self, pdu: &[u8]) -> io::Result<Vec<u8>> {
        const FASTPATH_OUTPUT_ENCRYPTED: u8 = 0x80;
        if self.level == EncryptionLevel::Low {
            return Ok(pdu.to_vec());
        }
        let header = if pdu[1] & 0x80 == 0 { 2 } else { 3 };
        let sealed = self.from_server.seal(&pdu[header..])?;
        let length = u16::try_from(sealed.len() + 3).map_err(io::Error::other)? | 0x8000;
        let [high, low] = length.to_be_bytes();
        Ok([&[pdu[0] | FASTPATH_OUTPUT_ENCRYPTED, high, low][..], &sealed].concat())
    }
}

/// One direction.
enum Half {
    Rc4 { signing: Vec<u8>, cipher: Box<Rc4>, count: u32 },
    Fips { signing: Vec<u8>, crypter: Crypter, count: u32 },
}

impl Half {
    fn open(&mut self, sealed: &[u8], salted: bool) -> io::Result<Vec<u8>> {
        let broken = || io::Error::from(io::ErrorKind::InvalidData);
        let fips = matches!(self, Self::Fips { .. });
        let (header, rest) =
            sealed.split_at_checked(if fips { 4 } else { 0 }).ok_or_else(broken)?;
        let (signature, encrypted) = rest.split_at_checked(8).ok_or_else(broken)?;
        let mut body = self.crypt(encrypted)?;
        if let Some(padding) = header.get(3) {
            let length = body.len().checked_sub((*padding).into()).ok_or_else(broken)?;
            body.truncate(length);
        }
        if self.signature(&body, salted)? == signature { Ok(body) } else { Err(broken()) }
    }

    fn seal(&mut self, body: &[u8]) -> io::Result<Vec<u8>> {
        let signature = self.signature(body, false)?;
        match self {
            Self::Rc4 { .. } => Ok([signature, self.crypt(body)?].concat()),
            Self::Fips { .. } => {
                let padding = (8 - body.len() % 8) % 8;
                let filled = [body, &PADDING[..padding]].concat();
                let header = [16, 0, 1, padding.to_le_bytes()[0]];
                Ok([&header[..], &signature, &self.crypt(&filled)?].concat())
            }
        }
    }

    fn crypt(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Rc4 { cipher, .. } => {
                let mut bytes = bytes.to_vec();
                cipher.apply(&mut bytes);
                Ok(bytes)
            }
            Self::Fips { crypter, .. } => {
                let mut out = vec![0; bytes.len() + 8];
                let length = crypter.update(bytes, &mut out)?;
                out.truncate(length);
                Ok(out)
            }
        }
    }

    /// The first eight bytes of it; once for each PDU. How many were before goes into it with FIPS, and
    /// where the PDU says so (5.3.6.1.1).
    fn signature(&mut self, body: &[u8], salted: bool) -> io::Result<Vec<u8>> {
        let mut whole = match self {
            Self::Rc4 { signing, count, .. } => {
                let length = u32::try_from(body.len()).map_err(io::Error::other)?.to_le_bytes();
                let salt = count.to_le_bytes();
                let salt = if salted { &salt[..] } else { &[] };
                let inner = sha1(&[signing, &[0x36; 40], &length, body, salt])?;
                *count += 1;
                md5(&[signing, &[0x5C; 48], &inner])?
            }
            Self::Fips { signing, count, .. } => {
                let key = PKey::hmac(signing)?;
                let mut signer = Signer::new(MessageDigest::sha1(), &key)?;
                signer.update(body)?;
                signer.update(&count.to_le_bytes())?;
                *count += 1;
                signer.sign_to_vec()?
            }
        };
        whole.truncate(8);
        Ok(whole)
    }
}

/// What a Send Data PDU carries.
fn content(pdu: &[u8]) -> Option<&[u8]> {
    const SEND_DATA_REQUEST: u8 = 25 << 2;
    const SEND_DATA_INDICATION: u8 = 26 << 2;
    let choice = *pdu.get(7)? & 0xFC;
    if pdu[0] != 3 || !matches!(choice, SEND_DATA_REQUEST | SEND_DATA_INDICATION) {
        return None;
    }
    let long = pdu.get(BEFORE_LENGTH)? & 0x80 != 0;
    pdu.get(BEFORE_LENGTH + if long { 2 } else { 1 }..)
}

/// The Send Data PDU with another content.
fn with_content(pdu: &[u8], content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let total = (BEFORE_LENGTH + 2 + content.len()).to_be_bytes();
    let last = |bytes: [u8; size_of::<usize>()]| [bytes[bytes.len() - 2], bytes[bytes.len() - 1]];
    let ([high, low], total) = (last(length), last(total));
    [&pdu[..2], &total, &pdu[4..BEFORE_LENGTH], &[high | 0x80, low], content].concat()
}

/// Seven bits to each byte, the lowest first; DES passes over the lowest of each byte (5.3.5.2).
fn triple_des_key(hash: &[u8]) -> [u8; 24] {
    let bit = |at: usize| hash[at / 8 % hash.len()] >> (at % 8) & 1;
    std::array::from_fn(|byte| (0..7).map(|place| bit(byte * 7 + place) << place).sum())
}

/// With the Terminal Services Signing Key, which is published (5.3.3.1.1, 5.3.3.1.2).
fn sign(signed: &[u8]) -> io::Result<Vec<u8>> {
    const MODULUS: &str = "87EA6D055F099320BB61F51A09065E6C7D5CF63DFEBFE77CEFFE3A586B6563CE\
        954552F29A6BB7D7E2C1F5EF8720883ECB5FBA4A1EC1BB4DC93E4372BD5E3A3D";
    const EXPONENT: &str = "5FF33FE7130110C7B39B510B17790735DD0D7B0AB83AC79924B1DD249F129A17\
        6008E89933CC92CF944967E9FAE63E24F868652516160058558711DA3219A787";
    let mut block = md5(&[signed])?;
    block.push(0);
    block.resize(62, 0xFF);
    block.push(1);
    block.reverse();
    let (modulus, exponent) = (BigNum::from_hex_str(MODULUS)?, BigNum::from_hex_str(EXPONENT)?);
    let mut signature = BigNum::new()?;
    let message = BigNum::from_slice(&block)?;
    signature.mod_exp(&message, &exponent, &modulus, &mut *BigNumContext::new()?)?;
    little_endian(&signature, 64)
}

fn blob(kind: u16, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_le_bytes();
    [&kind.to_le_bytes()[..], &[length[0], length[1]], content].concat()
}

fn little_endian(number: &openssl::bn::BigNumRef, length: u32) -> io::Result<Vec<u8>> {
    let length = i32::try_from(length).map_err(io::Error::other)?;
    let mut bytes = number.to_vec_padded(length)?;
    bytes.reverse();
    Ok(bytes)
}

fn sha1(parts: &[&[u8]]) -> io::Result<Vec<u8>> {
    hash(MessageDigest::sha1(), parts)
}

fn md5(parts: &[&[u8]]) -> io::Result<Vec<u8>> {
    hash(MessageDigest::md5(), parts)
}

fn hash(digest: MessageDigest, parts: &[&[u8]]) -> io::Result<Vec<u8>> {
    let mut hasher = Hasher::new(digest)?;
    for part in parts {
        hasher.update(part)?;
    }
    Ok(hasher.finish()?.to_vec())
}
