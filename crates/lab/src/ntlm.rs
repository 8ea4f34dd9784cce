//! The end of an NTLM sign-in on the server's side: AUTHENTICATE_MESSAGE (MS-NLMP 2.2.1.3), NTLMv2
//! (3.3.2), and the keys and messages of a session behind it (3.4). Only what Windows has spoken
//! since Vista: extended session security, key exchange, 128 bits.

use hmac::{Hmac, KeyInit, Mac};
use md4::Md4;
use md5::{Digest, Md5};

use crate::rc4::Rc4;
use crate::{PASSWORD, USER};

/// The beginning of an AUTHENTICATE_MESSAGE, the third.
pub(crate) const AUTHENTICATE: &[u8] = b"NTLMSSP\0\x03\0\0\0";

/// Where an AUTHENTICATE_MESSAGE has its MIC, if it has one.
const MIC: std::ops::Range<usize> = 72..88;

/// KEY_EXCH, 128 and EXTENDED_SESSIONSECURITY (MS-NLMP 2.2.2.5).
const NEEDED_FLAGS: u32 = 0x6008_0000;

/// MsvAvFlags and its bit that announces a MIC (MS-NLMP 2.2.2.1).
const AV_FLAGS: u16 = 6;
const AV_FLAG_MIC: u8 = 2;

/// MD5 and everything made from it here.
pub(crate) type Key = [u8; 16];

/// The messages that came before, as they were sent.
pub(crate) struct Earlier<'a> {
    pub(crate) negotiate: &'a [u8],
    pub(crate) challenge: &'a [u8],
    pub(crate) server_challenge: [u8; 8],
}

/// What became of an AUTHENTICATE_MESSAGE.
pub(crate) enum Outcome {
    /// It proves the lab's password; what follows is sealed so.
    Proved(Box<Sealing>),
    /// Another user or another password.
    Wrong,
    /// It cannot be read, was altered, or wants what nobody wants any more.
    Invalid,
}

/// Whether a message proves the password of the lab's account.
pub(crate) fn judge(message: &[u8], earlier: &Earlier<'_>) -> Outcome {
    let Some(authenticate) = Authenticate::read(message) else { return Outcome::Invalid };
    // An NTLMv1 response has 24 bytes; nobody has taken it by default since Vista.
    let Some((proof, challenge)) = authenticate.nt_response.split_first_chunk::<16>() else {
        return Outcome::Wrong;
    };
    let account = authenticate.user.split('@').next().unwrap_or_default();
    if challenge.len() < 28 || !account.eq_ignore_ascii_case(USER) {
        return Outcome::Wrong;
    }
    let key = ntowf_v2(PASSWORD, &authenticate.user, &authenticate.domain);
    if hmac_md5(&key, &[&earlier.server_challenge, challenge]) != *proof {
        return Outcome::Wrong;
    }
    if authenticate.flags & NEEDED_FLAGS != NEEDED_FLAGS {
        return Outcome::Invalid;
    }
    let Ok(encrypted) = Key::try_from(authenticate.session_key) else { return Outcome::Invalid };
    let mut exported = encrypted;
    Rc4::new(&hmac_md5(&key, &[proof])).apply(&mut exported);

    if announces_mic(&challenge[28..]) {
        let Some(mic) = message.get(MIC) else { return Outcome::Invalid };
        let mut without = message.to_vec();
        without[MIC].fill(0);
        if hmac_md5(&exported, &[earlier.negotiate, earlier.challenge, &without]) != mic {
            return Outcome::Invalid;
        }
    }
    Outcome::Proved(Box::new(Sealing::new(&exported)))
}

/// What a server reads of an AUTHENTICATE_MESSAGE.
struct Authenticate<'a> {
    nt_response: &'a [u8],
    domain: String,
    user: String,
    session_key: &'a [u8],
    flags: u32,
}

impl<'a> Authenticate<'a> {
    fn read(message: &'a [u8]) -> Option<Self> {
        if !message.starts_with(AUTHENTICATE) {
            return None;
        }
        let field = |at: usize| {
            let length = u16::from_le_bytes(message.get(at..at + 2)?.try_into().ok()?);
            let offset = u32::from_le_bytes(message.get(at + 4..at + 8)?.try_into().ok()?);
            let offset = usize::try_from(offset).ok()?;
            message.get(offset..offset.checked_add(usize::from(length))?)
        };
        Some(Self {
            nt_response: field(20)?,
            domain: from_utf16(field(28)?),
            user: from_utf16(field(36)?),
            session_key: field(52)?,
            flags: u32::from_le_bytes(message.get(60..64)?.try_into().ok()?),
        })
    }
}

/// Whether the AV_PAIRs inside an NTLMv2 response say that the message has a MIC.
fn announces_mic(mut pairs: &[u8]) -> bool {
    while let [id_low, id_high, low, high, rest @ ..] = pairs {
        let id = u16::from_le_bytes([*id_low, *id_high]);
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        let Some((value, behind)) = rest.split_at_checked(length) else { return false };
        match id {
            0 => return false,
            AV_FLAGS => return value.first().is_some_and(|flags| flags & AV_FLAG_MIC != 0),
            _ => pairs = behind,
        }
    }
    false
}

/// What a client says that its TLS is (MsvAvChannelBindings, MS-NLMP 2.2.2.1); zeros say nothing.
pub(crate) fn channel_binding(message: &[u8]) -> Option<Key> {
    const CHANNEL_BINDINGS: u16 = 10;
    let authenticate = Authenticate::read(message)?;
    let mut pairs = authenticate.nt_response.get(16 + 28..)?;
    while let [id_low, id_high, low, high, rest @ ..] = pairs {
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        let (value, behind) = rest.split_at_checked(length)?;
        match u16::from_le_bytes([*id_low, *id_high]) {
            0 => return None,
            CHANNEL_BINDINGS => return Key::try_from(value).ok().filter(|key| *key != [0; 16]),
            _ => pairs = behind,
        }
    }
    None
}

/// NTOWFv2 (MS-NLMP 3.3.2): what stands for a password.
fn ntowf_v2(password: &str, user: &str, domain: &str) -> Key {
    let hash: Key = Md4::digest(utf16(password)).into();
    hmac_md5(&hash, &[&utf16(&user.to_uppercase()), &utf16(domain)])
}

/// Signing and sealing (MS-NLMP 3.4.4.2, 3.4.5) in both directions.
pub(crate) struct Sealing {
    client: Direction,
    server: Direction,
}

struct Direction {
    signing: Key,
    sealing: Rc4,
    sequence: u32,
}

impl Sealing {
    /// From the ExportedSessionKey.
    fn new(exported: &Key) -> Self {
        let direction = |signing: &str, sealing: &str| {
            let key = |which: &str| {
                let magic = format!("session key to {which} key magic constant\0");
                Key::from(Md5::new().chain_update(exported).chain_update(magic).finalize())
            };
            Direction { signing: key(signing), sealing: Rc4::new(&key(sealing)), sequence: 0 }
        };
        Self {
            client: direction("client-to-server signing", "client-to-server sealing"),
            server: direction("server-to-client signing", "server-to-client sealing"),
        }
    }

    /// What the client sealed; `None` when its signature does not fit.
    pub(crate) fn unseal(&mut self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (signature, content) = sealed.split_first_chunk::<16>()?;
        let mut content = content.to_vec();
        self.client.sealing.apply(&mut content);
        (self.client.sign(&content) == *signature).then_some(content)
    }

    /// Seals what the server says.
    pub(crate) fn seal(&mut self, content: &[u8]) -> Vec<u8> {
        let mut sealed = content.to_vec();
        self.server.sealing.apply(&mut sealed);
        [&self.server.sign(content)[..], &sealed].concat()
    }

    /// Whether the client's mechListMIC (RFC 4178 section 5) fits. Making one does not move the
    /// cipher (MS-SPNG 3.3.5.1), but takes a number of the sequence.
    pub(crate) fn fits_mechanisms(&mut self, mic: &[u8], mechanisms: &[u8]) -> bool {
        self.client.sign_aside(mechanisms) == mic
    }

    /// The server's mechListMIC.
    pub(crate) fn mechanisms(&mut self, mechanisms: &[u8]) -> Key {
        self.server.sign_aside(mechanisms)
    }
}

impl Direction {
    /// NTLMSSP_MESSAGE_SIGNATURE (MS-NLMP 2.2.2.9.2).
    fn sign(&mut self, content: &[u8]) -> Key {
        let sequence = self.sequence.to_le_bytes();
        self.sequence = self.sequence.wrapping_add(1);
        let mut signature = hmac_md5(&self.signing, &[&sequence, content]);
        signature.copy_within(..8, 4);
        self.sealing.apply(&mut signature[4..12]);
        signature[..4].copy_from_slice(&1u32.to_le_bytes());
        signature[12..].copy_from_slice(&sequence);
        signature
    }

    fn sign_aside(&mut self, content: &[u8]) -> Key {
        let sealing = self.sealing.clone();
        let signature = self.sign(content);
        self.sealing = sealing;
        signature
    }
}

fn hmac_md5(key: &Key, parts: &[&[u8]]) -> Key {
    // HMAC fills a short key up with zeros (RFC 2104).
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let mut hmac = Hmac::<Md5>::new(&block.into());
    for part in parts {
        hmac.update(part);
    }
    hmac.finalize().into_bytes().into()
}

/// UTF-16, as Windows writes strings.
pub(crate) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// From UTF-16; what is none becomes replacement characters.
pub(crate) fn from_utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> =
        bytes.chunks_exact(2).map(|two| u16::from_le_bytes([two[0], two[1]])).collect();
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER_CHALLENGE: [u8; 8] = [0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF];

    fn hex(text: &str) -> Vec<u8> {
        text.split_whitespace().map(|two| u8::from_str_radix(two, 16).expect("hex")).collect()
    }

    /// `temp` of MS-NLMP 4.2.4.1.3: AV_PAIRs Domain and Server, the time zero.
    fn published_challenge() -> Vec<u8> {
        [
            hex("01 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 aa aa aa aa aa aa aa aa"),
            hex("00 00 00 00 02 00 0c 00"),
            utf16("Domain"),
            hex("01 00 0c 00"),
            utf16("Server"),
            vec![0; 8],
        ]
        .concat()
    }

    #[test]
    fn the_published_values_of_ntlm_v2() {
        // MS-NLMP 4.2.4.1.1, 4.2.4.2.2, 4.2.4.1.2 and 4.2.4.2.3.
        let key = ntowf_v2("Password", "User", "Domain");
        assert_eq!(key[..], hex("0c 86 8a 40 3b fd 7a 93 a3 00 1e f2 2e f0 2e 3f"));
        let proof = hmac_md5(&key, &[&SERVER_CHALLENGE, &published_challenge()]);
        assert_eq!(proof[..], hex("68 cd 0a b8 51 e5 1c 96 aa bc 92 7b eb ef 6a 1c"));
        let base = hmac_md5(&key, &[&proof]);
        assert_eq!(base[..], hex("8d e4 0c ca db c1 4a 82 f1 5c b0 ad 0d e9 5c a3"));
        let mut exported = [0x55; 16];
        Rc4::new(&base).apply(&mut exported);
        assert_eq!(exported[..], hex("c5 da d2 54 4f c9 79 90 94 ce 1c e9 0b c9 d0 3e"));
    }

    #[test]
    fn the_published_message_is_unsealed_and_any_other_refused() {
        // MS-NLMP 4.2.4.4.
        let sealed = hex("01 00 00 00 7f b3 8e c5 c5 5d 49 76 00 00 00 00 \
             54 e5 01 65 bf 19 36 dc 99 60 20 c1 81 1b 0f 06 fb 5f");
        let mut sealing = Sealing::new(&[0x55; 16]);
        assert_eq!(
            sealing.client.signing[..],
            hex("47 88 dc 86 1b 47 82 f3 5d 43 fd 98 fe 1a 2d 39")
        );
        assert_eq!(sealing.unseal(&sealed), Some(utf16("Plaintext")));
        assert_eq!(sealing.unseal(&sealed), None, "its number has passed");
        for at in [0, 5, 12, 20] {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert_eq!(Sealing::new(&[0x55; 16]).unseal(&altered), None, "byte {at}");
        }
    }

    /// A message of the client with everything from a domain and a user on in its payload.
    fn authenticate(user: &str, domain: &str, password: &str, mic: bool) -> Vec<u8> {
        let flags = if mic { hex("06 00 04 00 02 00 00 00") } else { Vec::new() };
        let mut challenge = published_challenge();
        challenge.splice(28..28, flags);
        let key = ntowf_v2(password, user, domain);
        let proof = hmac_md5(&key, &[&SERVER_CHALLENGE, &challenge]);
        let mut session_key = [0x55; 16];
        Rc4::new(&hmac_md5(&key, &[&proof])).apply(&mut session_key);
        let response = [&proof[..], &challenge].concat();
        let (user, domain) = (utf16(user), utf16(domain));

        let mut message = vec![0; MIC.end];
        message[..12].copy_from_slice(AUTHENTICATE);
        let parts = [(20, &response[..]), (28, &domain), (36, &user), (52, &session_key)];
        for (field, part) in parts {
            message[field] = part.len().to_le_bytes()[0];
            let offset = message.len().to_le_bytes();
            message[field + 4..field + 6].copy_from_slice(&offset[..2]);
            message.extend(part);
        }
        message[60..64].copy_from_slice(&0xE288_8235u32.to_le_bytes());
        if mic {
            let mic = hmac_md5(&[0x55; 16], &[b"negotiate", b"challenge", &message]);
            message[MIC].copy_from_slice(&mic);
        }
        message
    }

    fn outcome(message: &[u8]) -> &'static str {
        let (negotiate, challenge) = (&b"negotiate"[..], &b"challenge"[..]);
        match judge(message, &Earlier { negotiate, challenge, server_challenge: SERVER_CHALLENGE })
        {
            Outcome::Proved(_) => "proved",
            Outcome::Wrong => "wrong",
            Outcome::Invalid => "invalid",
        }
    }

    #[test]
    fn one_account_with_one_password() {
        for mic in [false, true] {
            for (user, domain) in
                [("lab", ""), ("LAB", "lab.example"), ("Lab", "OTHER"), ("lab@lab.example", "")]
            {
                let message = authenticate(user, domain, PASSWORD, mic);
                assert_eq!(outcome(&message), "proved", "{domain}\\{user} {mic}");
                assert_eq!(outcome(&authenticate(user, domain, "lab-password-1", mic)), "wrong");
            }
            assert_eq!(outcome(&authenticate("other", "", PASSWORD, mic)), "wrong");
        }
    }

    #[test]
    fn altered_messages_are_no_proof() {
        let message = authenticate("lab", "LAB", PASSWORD, true);
        let altered = |at: usize| {
            let mut altered = message.clone();
            altered[at] ^= if at == 62 { 8 } else { 1 };
            altered
        };
        assert_eq!(outcome(&altered(MIC.start)), "invalid");
        assert_eq!(outcome(&altered(64)), "invalid", "the MIC covers the version");
        assert_eq!(outcome(&altered(message.len() - 1)), "invalid", "another session key");
        assert_eq!(outcome(&altered(62)), "invalid", "no extended session security");
        assert_eq!(outcome(&altered(24)), "wrong", "a response from elsewhere");
        for length in 0..message.len() {
            assert_ne!(outcome(&message[..length]), "proved", "{length}");
        }
    }
}
