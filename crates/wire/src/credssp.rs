//! TSRequest (MS-CSSP 2.2.1), read with `der-parser`'s BER reader: servers other than Windows do
//! not always encode it as DER demands.

use der_parser::ber::{BerObject, BerObjectContent, parse_ber_recursive};
use rdpdoctor_model::{Fact, Hex, Party};

use crate::der::{Cut, cut_sequence};
use crate::{kerberos, ntlm};

/// A TSRequest with a Kerberos ticket of a user in a thousand groups stays below this.
pub(crate) const LONGEST: usize = 64 * 1024;

/// With it a TSRequest begins: it is a SEQUENCE.
pub(crate) const FIRST_BYTE: u8 = 0x30;

/// Nesting of TSRequest and its tokens.
const DEEPEST: usize = 12;

/// A TSRequest.
pub(crate) struct TsRequest {
    pub(crate) facts: Vec<Fact>,
    /// Whether the client proves with it that it knows the credential.
    pub(crate) authenticates: bool,
    /// Whether the client delegates its credentials with it: CredSSP is done.
    pub(crate) delegates: bool,
}

/// What stands at the beginning of a stream of TSRequests; `None` when more bytes are needed.
pub(crate) fn read(buffer: &[u8], from: Party) -> Option<(TsRequest, usize)> {
    let broken = |problem, bytes| TsRequest {
        facts: vec![malformed(problem, bytes)],
        authenticates: false,
        delegates: false,
    };
    match cut_sequence(buffer, LONGEST) {
        Cut::Incomplete => None,
        Cut::Broken(problem) => Some((broken(problem, buffer), buffer.len())),
        Cut::Whole(length) => {
            let message = &buffer[..length];
            let request =
                read_ts_request(message, from).unwrap_or_else(|problem| broken(problem, message));
            Some((request, length))
        }
    }
}

fn malformed(problem: String, bytes: &[u8]) -> Fact {
    Fact::CredSspMalformed { problem, bytes: Hex(bytes[..bytes.len().min(32)].to_vec()) }
}

fn read_ts_request(message: &[u8], from: Party) -> Result<TsRequest, String> {
    let broken = |_| "not readable as ASN.1".to_owned();
    let (_, request) = parse_ber_recursive(message, DEEPEST).map_err(broken)?;
    let fields = request.as_sequence().map_err(|_| "not a SEQUENCE".to_owned())?;
    let mut version = None;
    let mut token: Option<Vec<u8>> = None;
    let mut has_public_key_auth = false;
    let mut delegates = false;
    let mut error_code = None;
    for field in fields {
        let inner = inside(field)?;
        match field.header.tag().0 {
            0 => version = integer(&inner),
            1 => token = Some(first_token(&inner)?),
            2 => delegates = true,
            3 => has_public_key_auth = true,
            4 => error_code = integer(&inner),
            _ => {}
        }
    }
    let version = version.ok_or("a TSRequest without a version")?;
    let mut facts = vec![Fact::TsRequest {
        from,
        version,
        error_code,
        token_length: token.as_ref().map(Vec::len),
        has_public_key_auth,
    }];
    if let Some(token) = token.as_deref().filter(|_| from == Party::Server) {
        match ntlm::find(token) {
            Some(message) => facts.push(match ntlm::read_challenge(message) {
                Ok(challenge) => challenge,
                Err(problem) => malformed(problem, message),
            }),
            None => facts.extend(kerberos::ticket_answer(token)),
        }
    }
    let proves = token.as_deref().and_then(ntlm::find).is_some_and(ntlm::is_authenticate);
    let authenticates = from == Party::Client && (proves || has_public_key_auth);
    Ok(TsRequest { facts, authenticates, delegates: delegates && from == Party::Client })
}

/// What is inside an explicitly tagged field; `der-parser` leaves it unread.
fn inside<'a>(field: &BerObject<'a>) -> Result<BerObject<'a>, String> {
    match &field.content {
        BerObjectContent::Unknown(any) => parse_ber_recursive(any.data, DEEPEST)
            .map(|(_, inner)| inner)
            .map_err(|_| format!("field {} is not readable as ASN.1", field.header.tag().0)),
        _ => Err("a field without its context tag".to_owned()),
    }
}

/// An INTEGER of up to 32 bits, signed or not: NTSTATUS numbers come both ways.
fn integer(object: &BerObject<'_>) -> Option<u32> {
    let BerObjectContent::Integer(digits) = object.content else { return None };
    let digits = match digits {
        [0, rest @ ..] if rest.len() == 4 => rest,
        _ => digits,
    };
    (digits.len() <= 4)
        .then(|| digits.iter().fold(0u32, |value, &digit| value << 8 | u32::from(digit)))
}

/// NegoData: SEQUENCE OF SEQUENCE { negoToken [0] OCTET STRING }; the first one counts.
fn first_token(data: &BerObject<'_>) -> Result<Vec<u8>, String> {
    let wrong = || "negotiation tokens of an unknown form".to_owned();
    let items = data.as_sequence().map_err(|_| wrong())?;
    let item = items.first().ok_or_else(wrong)?.as_sequence().map_err(|_| wrong())?;
    let token = inside(item.first().ok_or_else(wrong)?)?;
    token.as_slice().map(<[u8]>::to_vec).map_err(|_| wrong())
}
