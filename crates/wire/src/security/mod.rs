//! Standard RDP Security (MS-RDPBCGR 5.3): the server's data for it (2.2.1.4.3), the exchange of the
//! client's random, and the layer that encrypts what follows.
//!
//! `ironrdp-pdu` reads and writes the server's data, but has neither the keys nor the layer.

mod certificate;
mod keys;
mod layer;

pub use layer::{Layer, Passed};

use rdpdoctor_model::{Fact, Lookup, ServerKey};

use self::certificate::ServerCertificate;
use self::keys::{RANDOM_LENGTH, Strength};
use crate::encode::session::Channels;
use crate::mcs;
use crate::reader::Reader;

/// Flags of the security header (2.2.8.1.1.2.1).
pub(crate) const SEC_EXCHANGE_PKT: u16 = 0x0001;
pub(crate) const SEC_ENCRYPT: u16 = 0x0008;
pub(crate) const SEC_INFO_PKT: u16 = 0x0040;
pub(crate) const SEC_LICENSE_PKT: u16 = 0x0080;
/// From the client: it reads encrypted licensing messages; from the server: it wants them encrypted.
pub(crate) const SEC_LICENSE_ENCRYPT: u16 = 0x0200;
pub(crate) const SEC_REDIRECTION_PKT: u16 = 0x0400;
pub(crate) const SEC_SECURE_CHECKSUM: u16 = 0x0800;

/// encryptionMethod (2.2.1.4.3).
const METHOD_40BIT: u32 = 1;
const METHOD_128BIT: u32 = 2;
const METHOD_56BIT: u32 = 8;
const METHOD_FIPS: u32 = 0x10;

/// What a client takes from a Connect Response to begin with.
pub struct ServerSecurity {
    method: u32,
    random: [u8; RANDOM_LENGTH],
    certificate: ServerCertificate,
}

impl ServerSecurity {
    /// Reads a Connect Response in its TPKT.
    ///
    /// # Errors
    /// Why no keys can be agreed with this server.
    pub fn read(connect_response: &[u8]) -> Result<Self, String> {
        let block = mcs::security_block(connect_response).ok_or("no security data came")?;
        let block = Block::read(block).ok_or("security data that is cut short")?;
        let random = block.random.and_then(|random| random.try_into().ok());
        let certificate = block.certificate.filter(|bytes| !bytes.is_empty());
        Ok(Self {
            method: block.method,
            random: random.ok_or("the server's random is not 32 bytes long")?,
            certificate: certificate
                .and_then(ServerCertificate::read)
                .ok_or("the server's key cannot be read")?,
        })
    }

    /// The Security Exchange PDU (2.2.1.10), and the layer for all that follows it.
    ///
    /// # Errors
    /// When the server chose an encryption that does not exist, or its key is of no use.
    pub fn exchange(
        &self,
        channels: Channels,
        client_random: &[u8; RANDOM_LENGTH],
    ) -> Result<(Vec<u8>, Layer), String> {
        let rc4 = |strength| Layer::rc4(client_random, &self.random, strength);
        let layer = match self.method {
            METHOD_40BIT => rc4(Strength::Bits40)?,
            METHOD_56BIT => rc4(Strength::Bits56)?,
            METHOD_128BIT => rc4(Strength::Bits128)?,
            METHOD_FIPS => Layer::fips(client_random, &self.random),
            method => return Err(format!("the server chose the encryption method {method:#x}")),
        };
        let encrypted = self.certificate.key.encrypt(client_random);
        let encrypted = encrypted.ok_or("the server's key is of no use")?;
        let length = u32::try_from(encrypted.len()).map_err(|error| error.to_string())?;
        let content = [
            &(SEC_EXCHANGE_PKT | SEC_LICENSE_ENCRYPT).to_le_bytes()[..],
            &[0; 2],
            &length.to_le_bytes(),
            &encrypted,
        ]
        .concat();
        Ok((crate::encode::session::send_data(channels, content)?, layer))
    }
}

/// The server's block behind its header (2.2.1.4.3).
struct Block<'a> {
    method: u32,
    level: u32,
    /// `None` where it is not there or cut short; so the certificate.
    random: Option<&'a [u8]>,
    certificate: Option<&'a [u8]>,
    /// Whether the lengths of both are there.
    has_lengths: bool,
}

impl<'a> Block<'a> {
    fn read(block: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(block);
        let (method, level) = (reader.u32()?, reader.u32()?);
        let lengths = reader.u32().zip(reader.u32());
        let has_lengths = lengths.is_some();
        let (random, certificate) = lengths.unwrap_or_default();
        let mut part = |length: u32| usize::try_from(length).ok().and_then(|n| reader.take(n));
        let random = part(random);
        let certificate = random.and_then(|_| part(certificate));
        Some(Self { method, level, random, certificate, has_lengths })
    }
}

/// Reads the block behind its header; nothing where no encryption is wanted.
pub(crate) fn read(block: &[u8]) -> Option<Fact> {
    let block = Block::read(block)?;
    if block.method == 0 && block.level == 0 {
        return None;
    }
    let certificate = match block.certificate {
        _ if !block.has_lengths => Lookup::Absent,
        None => Lookup::unavailable("the certificate is cut short"),
        Some([]) => Lookup::Absent,
        Some(bytes) => match ServerCertificate::read(bytes) {
            None => Lookup::unavailable("the certificate is not readable"),
            Some(read) => Lookup::seen(ServerKey {
                proprietary: read.proprietary,
                bits: u32::try_from(read.key.bits()).unwrap_or(u32::MAX),
                signature_valid: read.signature_valid,
            }),
        },
    };
    Some(Fact::ServerSecurityData {
        encryption_method: block.method,
        encryption_level: block.level,
        random_length: block.random.map_or(0, <[u8]>::len),
        certificate,
    })
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
        let expected = ServerKey { proprietary: true, bits: 512, signature_valid: Some(true) };
        assert_eq!(
            read(&block(&certificate::tests::certificate())),
            Some(Fact::ServerSecurityData {
                encryption_method: 2,
                encryption_level: 3,
                random_length: 32,
                certificate: Lookup::seen(expected),
            })
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

    /// Both ends of a connection with this method.
    fn ends(method: u32) -> (Layer, Layer) {
        let server = ServerSecurity {
            method,
            random: [0x5A; 32],
            certificate: ServerCertificate::read(&certificate::tests::certificate())
                .expect("readable"),
        };
        let channels = Channels { user: 1004, io: 1003 };
        let random = *b"client random: thirty-two bytes!";
        let (pdu, client) = server.exchange(channels, &random).expect("agreed");
        // Behind the header and the length is what only the server can read.
        assert_eq!(certificate::tests::decrypt(&content(&pdu)[8..]), random);
        let (_, other) = server.exchange(channels, &random).expect("agreed");
        (client, other.turned())
    }

    fn content(pdu: &[u8]) -> &[u8] {
        let Ok(mcs::Domain::Data { content, .. }) = mcs::read_domain(&pdu[4..]) else {
            panic!("no data: {pdu:?}");
        };
        content
    }

    fn send_data(content: &[u8]) -> Vec<u8> {
        let channels = Channels { user: 1004, io: 1003 };
        crate::encode::session::send_data(channels, content.to_vec()).expect("encodes")
    }

    const FONT_MAP: [u8; 26] = [
        26, 0, 0x17, 0, 0xEA, 3, 0xEA, 3, 1, 0, 0, 2, 26, 0, 0x28, 0, 0, 0, 0, 0, 0, 0, 3, 0, 4, 0,
    ];

    #[test]
    fn what_one_end_seals_the_other_opens() {
        for method in [METHOD_40BIT, METHOD_56BIT, METHOD_128BIT, METHOD_FIPS] {
            let (mut client, mut server) = ends(method);
            let pdu = send_data(&FONT_MAP);
            // Behind 4096 PDUs the key of RC4 is another.
            for number in 0..4100 {
                let sealed = client.seal(&pdu).expect("seals").remove(0);
                assert!(!sealed.pdu.windows(6).any(|bytes| bytes == &FONT_MAP[..6]), "{method}");
                let opened = server.open(&sealed.pdu).expect("opens");
                assert_eq!(opened.content, Some((0, FONT_MAP.to_vec())), "{method}, {number}");
                assert_eq!(content(&opened.pdu), FONT_MAP);
            }
        }
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        for method in [METHOD_128BIT, METHOD_FIPS] {
            let (mut client, mut server) = ends(method);
            let mut sealed = client.seal(&send_data(&FONT_MAP)).expect("seals").remove(0).pdu;
            let last = sealed.len() - 1;
            sealed[last] ^= 1;
            assert!(server.open(&sealed).is_err(), "{method}");
            for length in 0..sealed.len() {
                let _ = server.open(&sealed[..length]);
            }
        }
    }

    #[test]
    fn what_belongs_in_clear_stays_in_clear() {
        let (mut client, mut server) = ends(METHOD_128BIT);
        let license = send_data(&[0x80, 0, 0, 0, 0xFF, 3, 16, 0]);
        assert_eq!(client.seal(&license).expect("seals")[0].pdu, license);
        assert_eq!(server.open(&license).expect("opens").pdu, license);
        let attach = crate::encode::session::attach_user().expect("encodes");
        let sealed = client.seal(&attach).expect("seals");
        assert_eq!(sealed.iter().flat_map(|sealed| sealed.pdu.clone()).collect::<Vec<_>>(), attach);
    }

    #[test]
    fn an_unknown_method_is_refused() {
        let certificate = certificate::tests::certificate();
        let certificate = ServerCertificate::read(&certificate).expect("readable");
        let server = ServerSecurity { method: 0, random: [1; 32], certificate };
        let channels = Channels { user: 1004, io: 1003 };
        assert!(server.exchange(channels, &[2; 32]).is_err());
    }
}
