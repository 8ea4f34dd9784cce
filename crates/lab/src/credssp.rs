//! CredSSP (MS-CSSP 2.2.1), SPNEGO inside it (RFC 4178), and the NTLM challenge inside that (MS-NLMP
//! 2.2.1.2).

use std::time::{SystemTime, UNIX_EPOCH};

use openssl::sha::sha256;

use crate::behaviour::{Challenge, Computer};
use crate::der::{element, first};
use crate::ntlm::{from_utf16, utf16};

/// What a client's negotiation token is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// An NTLM NEGOTIATE_MESSAGE as it is.
    Ntlm,
    /// An NTLM NEGOTIATE_MESSAGE inside SPNEGO (RFC 4178).
    NtlmInSpnego,
    /// A Kerberos ticket, inside SPNEGO as a rule.
    Ticket,
    /// SPNEGO that begins with something else.
    OtherInSpnego,
}

/// Beginning of an NTLM message and, behind it, MessageType 1.
const NTLM_NEGOTIATE: &[u8] = b"NTLMSSP\0\x01\0\0\0";

/// 1.3.6.1.4.1.311.2.2.10, NTLM, as an OBJECT IDENTIFIER.
const OID_NTLM: [u8; 12] = [6, 10, 0x2B, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 10];

/// An AP-REQ of Kerberos in GSS-API's frame (RFC 4121 4.1), SPNEGO around it or not.
const AP_REQ: [u8; 13] = [6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 1, 2, 2, 1, 0];

/// What a server reads of a TSRequest (MS-CSSP 2.2.1).
pub(crate) struct TsRequest<'a> {
    pub(crate) version: u8,
    /// The first negotiation token.
    pub(crate) token: Option<&'a [u8]>,
    pub(crate) auth_info: Option<&'a [u8]>,
    pub(crate) pub_key_auth: Option<&'a [u8]>,
    pub(crate) client_nonce: Option<&'a [u8]>,
}

impl<'a> TsRequest<'a> {
    /// `None` when it cannot be read.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (_, fields, _) = first(bytes)?;
        let octets = |tag| field(fields, tag).and_then(inside);
        Some(Self {
            version: octets(0xA0)?.last().copied()?,
            // NegoData: SEQUENCE OF SEQUENCE { negoToken [0] OCTET STRING }.
            token: octets(0xA1).and_then(inside).and_then(inside).and_then(inside),
            auth_info: octets(0xA2),
            pub_key_auth: octets(0xA3),
            client_nonce: octets(0xA5),
        })
    }
}

/// What is inside the first element.
fn inside(bytes: &[u8]) -> Option<&[u8]> {
    first(bytes).map(|(_, content, _)| content)
}

/// The content of the field with this tag.
fn field(mut fields: &[u8], wanted: u8) -> Option<&[u8]> {
    loop {
        let (tag, content, rest) = first(fields)?;
        if tag == wanted {
            return Some(content);
        }
        fields = rest;
    }
}

impl Token {
    /// What kind of token this is.
    pub(crate) fn of(token: &[u8]) -> Self {
        if token.starts_with(NTLM_NEGOTIATE) {
            Self::Ntlm
        } else if token.windows(NTLM_NEGOTIATE.len()).any(|window| window == NTLM_NEGOTIATE) {
            Self::NtlmInSpnego
        } else if token.windows(AP_REQ.len()).any(|window| window == AP_REQ) {
            Self::Ticket
        } else {
            Self::OtherInSpnego
        }
    }
}

/// What a token of SPNEGO carries (RFC 4178 section 4.2), or one that is an NTLM message itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Negotiation<'a> {
    /// Whether it is SPNEGO at all.
    pub(crate) spnego: bool,
    /// The encoding of MechTypeList, in the client's first token.
    pub(crate) mechanisms: Option<&'a [u8]>,
    /// The mechanism's own message.
    pub(crate) message: Option<&'a [u8]>,
    /// mechListMIC.
    pub(crate) mic: Option<&'a [u8]>,
}

impl<'a> Negotiation<'a> {
    /// Tolerant: what cannot be read is not there.
    pub(crate) fn read(token: &'a [u8]) -> Self {
        if token.starts_with(b"NTLMSSP\0") {
            return Self { message: Some(token), ..Self::default() };
        }
        let Some((tag, content, _)) = first(token) else { return Self::default() };
        // A NegTokenInit is inside GSS-API's frame, behind SPNEGO's own identifier.
        let initial = tag == 0x60;
        let fields = if initial { field(content, 0xA0) } else { Some(content) };
        let fields = fields.and_then(inside).unwrap_or_default();
        Self {
            spnego: true,
            mechanisms: field(fields, 0xA0).filter(|_| initial),
            message: field(fields, 0xA2).and_then(inside),
            mic: field(fields, 0xA3).and_then(inside),
        }
    }
}

/// A TSRequest with the CHALLENGE_MESSAGE, inside SPNEGO if the client used that.
pub(crate) fn challenge(settings: &Challenge, message: &[u8], to: &Token) -> Vec<u8> {
    match to {
        Token::Ntlm if !settings.always_spnego => with_token(settings.version, message),
        _ => {
            let token = spnego(&element(0xA2, &element(4, message)));
            with_token(settings.version, &token)
        }
    }
}

/// A TSRequest that asks a client which began with another mechanism to go on with NTLM.
pub(crate) fn choose_ntlm(version: u8) -> Vec<u8> {
    with_token(version, &spnego(&[]))
}

/// A TSRequest with nothing but a version.
pub(crate) fn empty(version: u8) -> Vec<u8> {
    element(0x30, &version_field(version))
}

/// A TSRequest with an errorCode. Windows encodes the NTSTATUS as the four bytes it has, which
/// makes it negative.
pub(crate) fn status(version: u8, status: u32) -> Vec<u8> {
    let code = element(0xA4, &element(2, &status.to_be_bytes()));
    element(0x30, &[version_field(version), code].concat())
}

/// A TSRequest that ends SPNEGO, with or without a mechListMIC, or carries the server's proof of its
/// key, or both.
pub(crate) fn proof(
    version: u8,
    completed: Option<Option<[u8; 16]>>,
    pub_key_auth: Option<&[u8]>,
) -> Vec<u8> {
    let mut fields = version_field(version);
    if let Some(mic) = completed {
        let mic = mic.map(|mic| element(0xA3, &element(4, &mic)));
        let state = element(0xA0, &element(10, &[0]));
        let token = element(0xA1, &element(0x30, &[state, mic.unwrap_or_default()].concat()));
        fields.extend(nego_data(&token));
    }
    if let Some(proof) = pub_key_auth {
        fields.extend(element(0xA3, &element(4, proof)));
    }
    element(0x30, &fields)
}

/// What the server proves, or the client (MS-CSSP 3.1.5): since version 5 a hash bound to the
/// client's nonce, before it the key itself, to which the server adds one.
pub(crate) fn key_proof(
    version: u8,
    of_server: bool,
    nonce: &[u8],
    subject_public_key: &[u8],
) -> Vec<u8> {
    if version >= 5 {
        let (from, to) = if of_server { ("Server", "Client") } else { ("Client", "Server") };
        let magic = format!("CredSSP {from}-To-{to} Binding Hash\0");
        return sha256(&[magic.as_bytes(), nonce, subject_public_key].concat()).to_vec();
    }
    let mut key = subject_public_key.to_vec();
    if of_server {
        for byte in &mut key {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
    }
    key
}

/// The bits of a SubjectPublicKeyInfo's subjectPublicKey (RFC 5280 section 4.1).
pub(crate) fn subject_public_key(info: &[u8]) -> Option<&[u8]> {
    let bits = field(inside(info)?, 3)?;
    bits.get(1..)
}

/// Who is delegated.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: String,
}

/// TSPasswordCreds in TSCredentials (MS-CSSP 2.2.1.2); `None` for other kinds.
pub(crate) fn credentials(content: &[u8]) -> Option<Credentials> {
    let fields = inside(content)?;
    if field(fields, 0xA0).and_then(inside)? != [1] {
        return None;
    }
    let fields = field(fields, 0xA1).and_then(inside).and_then(inside)?;
    let text = |tag| field(fields, tag).and_then(inside).map(from_utf16);
    Some(Credentials { user: text(0xA1)?, password: text(0xA2)? })
}

fn version_field(version: u8) -> Vec<u8> {
    element(0xA0, &element(2, &[version]))
}

/// A TSRequest with a token.
pub(crate) fn with_token(version: u8, token: &[u8]) -> Vec<u8> {
    element(0x30, &[version_field(version), nego_data(token)].concat())
}

fn nego_data(token: &[u8]) -> Vec<u8> {
    element(0xA1, &element(0x30, &element(0x30, &element(0xA0, &element(4, token)))))
}

/// NegTokenResp (RFC 4178 section 4.2.2): accept-incomplete, NTLM, and the token's field if any.
fn spnego(response_token: &[u8]) -> Vec<u8> {
    let state = element(0xA0, &element(10, &[1]));
    let mechanism = element(0xA1, &OID_NTLM);
    element(0xA1, &element(0x30, &[&state, &mechanism, response_token].concat()))
}

/// A TSRequest that answers the ticket for the host with this error.
pub(crate) fn refuse_ticket(version: u8, code: u8) -> Vec<u8> {
    with_token(version, &ticket_error("TERMSRV", code))
}

/// KRB-ERROR (RFC 4120 5.9.1) in a token of Kerberos (RFC 4121 4.1), in a NegTokenResp that rejects (RFC
/// 4178 4.2.2).
pub(crate) fn ticket_error(service: &str, code: u8) -> Vec<u8> {
    const MECHANISM: &[u8] = &[6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 1, 2, 2];
    const KRB_ERROR: &[u8] = &[3, 0];
    let number = |tag, number| element(tag, &element(2, &[number]));
    let text = |text: &[u8]| element(0x1B, text);
    let names = [text(service.as_bytes()), text(b"localhost")].concat();
    let service = [number(0xA0, 2), element(0xA1, &element(0x30, &names))].concat();
    let error = [
        number(0xA0, 5),
        number(0xA1, 30),
        element(0xA4, &element(0x18, b"20231114221320Z")),
        number(0xA5, 1),
        number(0xA6, code),
        element(0xA9, &text(b"LAB.EXAMPLE")),
        element(0xAA, &element(0x30, &service)),
    ];
    let error = element(0x7E, &element(0x30, &error.concat()));
    let token = element(0x60, &[MECHANISM, KRB_ERROR, &error].concat());
    let fields = [
        element(0xA0, &element(0x0A, &[2])),
        element(0xA1, MECHANISM),
        element(0xA2, &element(4, &token)),
    ];
    element(0xA1, &element(0x30, &fields.concat()))
}

/// CHALLENGE_MESSAGE: a domain member that runs Windows Server 2022.
pub(crate) fn ntlm_challenge(
    settings: &Challenge,
    computer: &Computer,
    challenge: [u8; 8],
) -> Vec<u8> {
    // 56, KEY_EXCH, 128, VERSION, TARGET_INFO, EXTENDED_SESSIONSECURITY, TARGET_TYPE_DOMAIN,
    // ALWAYS_SIGN, NTLM, SEAL, SIGN, REQUEST_TARGET, UNICODE (MS-NLMP 2.2.2.5).
    const FLAGS: u32 = 0xE289_8235;
    // 10.0.20348, NTLMSSP revision 15 (MS-NLMP 2.2.2.10).
    const VERSION: [u8; 8] = [10, 0, 0x7C, 0x4F, 0, 0, 0, 15];
    const HEADER: usize = 56;

    let target = utf16(&computer.domain);
    let info = target_info(settings, computer);
    let field = |length: usize, offset: usize| {
        let (length, offset) = (length.to_le_bytes(), offset.to_le_bytes());
        [length[0], length[1], length[0], length[1], offset[0], offset[1], offset[2], offset[3]]
    };
    [
        &b"NTLMSSP\0\x02\0\0\0"[..],
        &field(target.len(), HEADER),
        &FLAGS.to_le_bytes(),
        &challenge,
        &[0; 8],
        &field(info.len(), HEADER + target.len()),
        &VERSION,
        &target,
        &info,
    ]
    .concat()
}

/// AV_PAIRs (MS-NLMP 2.2.2.1) in the order in which Windows sends them.
fn target_info(settings: &Challenge, computer: &Computer) -> Vec<u8> {
    let netbios: String = computer.name.to_uppercase().chars().take(15).collect();
    let dns = format!("{}.{}", computer.name.to_lowercase(), computer.dns_domain);
    let mut pairs = vec![
        (2u8, utf16(&computer.domain)),
        (1, utf16(&netbios)),
        (4, utf16(&computer.dns_domain)),
        (3, utf16(&dns)),
        (5, utf16(&computer.dns_domain)),
    ];
    if settings.timestamp {
        pairs.push((7, filetime(settings.clock_ahead).to_le_bytes().to_vec()));
    }
    pairs.push((0, Vec::new()));
    pairs
        .into_iter()
        .flat_map(|(id, value)| {
            let length = value.len().to_le_bytes();
            [&[id, 0, length[0], length[1]][..], &value].concat()
        })
        .collect()
}

/// This machine's time moved by some seconds, as a FILETIME (MS-DTYP 2.3.3).
fn filetime(ahead: i64) -> u64 {
    const UNIX_EPOCH_TICKS: u64 = 116_444_736_000_000_000;
    const TICKS_A_SECOND: i64 = 10_000_000;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let ticks = u64::try_from(now.as_nanos() / 100).unwrap_or(u64::MAX);
    ticks.saturating_add(UNIX_EPOCH_TICKS).saturating_add_signed(ahead * TICKS_A_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_all_three_kinds_are_told_apart() {
        let token = |request: &[u8]| TsRequest::read(request)?.token.map(Token::of);
        let negotiate = [NTLM_NEGOTIATE, &[0; 20]].concat();
        assert_eq!(token(&with_token(6, &negotiate)), Some(Token::Ntlm));
        let inside = spnego(&element(0xA2, &element(4, &negotiate)));
        assert_eq!(token(&with_token(6, &inside)), Some(Token::NtlmInSpnego));
        assert_eq!(token(&choose_ntlm(6)), Some(Token::OtherInSpnego));
        assert_eq!(token(&empty(6)), None);
        assert_eq!(token(b"GET / HTTP/1.1\r\n"), None);
    }

    #[test]
    fn a_challenge_says_who_and_when() {
        let settings = Challenge { clock_ahead: -7200, ..Challenge::HEALTHY };
        let message = ntlm_challenge(&settings, &Computer::lab(), *b"12345678");
        let number = |at: usize| usize::from(u16::from_le_bytes([message[at], message[at + 1]]));
        assert_eq!(&message[24..32], b"12345678");
        assert_eq!(number(44) + number(40), message.len(), "the target info ends the message");
        let name = utf16("labpc01.lab.example");
        assert!(message.windows(name.len()).any(|window| window == name));
        let ticks = u64::from_le_bytes(message[message.len() - 12..][..8].try_into().expect("8"));
        assert!(filetime(-7200) - ticks < 100_000_000);
        assert!(filetime(0) - ticks > 71_990_000_000);
    }

    #[test]
    fn a_status_keeps_its_four_bytes() {
        assert_eq!(
            status(6, 0xC000_0022),
            [0x30, 13, 0xA0, 3, 2, 1, 6, 0xA4, 6, 2, 4, 0xC0, 0, 0, 0x22]
        );
    }
}
