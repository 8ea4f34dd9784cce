//! What HTTP's fields of a sign-in say (RFC 9110 11.6, RFC 4559).

use base64ct::{Base64, Encoding as _};
use rdpdoctor_model::{Fact, Mechanism};

use crate::{kerberos, ntlm};

/// What is kept of the schemes that a gateway offers.
const MOST_SCHEMES: usize = 8;
const LONGEST_SCHEME: usize = 40;

/// The mechanism Kerberos with the token id of an AP-REQ (RFC 4121 4.1).
const AP_REQ: &[u8] = &[6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 1, 2, 2, 1, 0];

/// What a request shows of who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Nothing that could be judged.
    Nothing,
    /// Something that could be judged; the mechanism where it is one that has a name here.
    Proof(Option<Mechanism>),
}

/// The names of the schemes that the values of WWW-Authenticate offer, each once.
pub fn schemes<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    const KNOWN: [&str; 9] = [
        "Negotiate",
        "NTLM",
        "Kerberos",
        "Basic",
        "Digest",
        "Bearer",
        "SSPI_NTLM",
        "PAA",
        "SMARTCARD",
    ];
    let mut all: Vec<String> = Vec::new();
    for value in values {
        // Several may stand in one line; what follows a comma is a parameter as well.
        for (at, part) in value.split(',').enumerate() {
            let name = part.trim().split([' ', '=']).next().unwrap_or_default();
            let known = KNOWN.iter().any(|known| known.eq_ignore_ascii_case(name));
            let name: String = name.chars().take(LONGEST_SCHEME).collect();
            let fits = (at == 0 || known) && !name.is_empty();
            if fits && all.len() < MOST_SCHEMES && !all.contains(&name) {
                all.push(name);
            }
        }
    }
    all
}

/// What the value of Authorization shows.
pub(crate) fn shown(value: &str) -> Shown {
    let (scheme, token) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
    let is = |name: &str| scheme.eq_ignore_ascii_case(name);
    if is("Basic") {
        return Shown::Proof(Some(Mechanism::Basic));
    }
    if is("Negotiate") || is("NTLM") || is("Kerberos") {
        let token = Base64::decode_vec(token.trim()).unwrap_or_default();
        return match mechanism(&token) {
            Some(mechanism) => Shown::Proof(Some(mechanism)),
            None => Shown::Nothing,
        };
    }
    // Bearer, PAA and their like carry a token; SSPI_NTLM alone announces NTLM in packets.
    if token.is_empty() { Shown::Nothing } else { Shown::Proof(None) }
}

/// Whether the value of Authorization only begins NTLM, which the answer is to go on with.
pub(crate) fn begins_ntlm(value: &str) -> bool {
    let token = value.trim().split_once(' ').map(|(_, token)| token.trim()).unwrap_or_default();
    let token = Base64::decode_vec(token).unwrap_or_default();
    ntlm::find(&token).is_some_and(|message| !ntlm::is_authenticate(message))
}

/// The mechanism of which a token is a proof.
pub(super) fn mechanism(token: &[u8]) -> Option<Mechanism> {
    match ntlm::find(token) {
        Some(message) => ntlm::is_authenticate(message).then_some(Mechanism::Ntlm),
        None => token.windows(AP_REQ.len()).any(|w| w == AP_REQ).then_some(Mechanism::Kerberos),
    }
}

/// The NTLM challenge in the value of WWW-Authenticate.
pub(super) fn challenge(value: &str) -> Option<Fact> {
    ntlm::read_challenge(ntlm::find(&token(value)?)?).ok()
}

/// What the value of WWW-Authenticate, or of Proxy-Authenticate, answers to a Kerberos ticket.
pub fn ticket_answer(value: &str) -> Option<Fact> {
    kerberos::ticket_answer(&token(value)?)
}

/// What stands behind a scheme.
fn token(value: &str) -> Option<Vec<u8>> {
    let (_, token) = value.trim().split_once(' ')?;
    Base64::decode_vec(token.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_in_one_line_or_in_several() {
        let lines = ["Negotiate", "NTLM", "Basic realm=\"gw, NTLM, x\"", "NTLM"];
        assert_eq!(schemes(lines), ["Negotiate", "NTLM", "Basic"]);
        let line = ["Negotiate, NTLM, Basic realm=\"a, b\", charset=\"UTF-8\""];
        assert_eq!(schemes(line), ["Negotiate", "NTLM", "Basic"]);
        let many: Vec<String> = (0..100).map(|n| format!("Scheme{n}")).collect();
        assert_eq!(schemes(many.iter().map(String::as_str)).len(), MOST_SCHEMES);
        assert!(schemes([&*"x".repeat(5000)])[0].len() <= LONGEST_SCHEME);
    }

    #[test]
    fn what_proves_and_what_only_begins() {
        let header =
            |scheme: &str, token: &[u8]| format!("{scheme} {}", Base64::encode_string(token));
        let ntlm = |kind: u8| [&b"NTLMSSP\0"[..], &[kind, 0, 0, 0]].concat();
        let proof = |mechanism| Shown::Proof(Some(mechanism));
        assert_eq!(shown(&header("NTLM", &ntlm(1))), Shown::Nothing);
        assert_eq!(shown(&header("NTLM", &ntlm(3))), proof(Mechanism::Ntlm));
        let wrapped = [&[0x60, 0x30][..], &ntlm(3)].concat();
        assert_eq!(shown(&header("Negotiate", &wrapped)), proof(Mechanism::Ntlm));
        let ticket = [&[0x60, 0x82, 1, 1][..], AP_REQ, &[0x6E, 0x82]].concat();
        assert_eq!(shown(&header("negotiate", &ticket)), proof(Mechanism::Kerberos));
        let mut other = ticket.clone();
        other[4 + 11] = 4;
        assert_eq!(shown(&header("Negotiate", &other)), Shown::Nothing, "it asks for a ticket");
        assert_eq!(shown("Basic eDp5"), proof(Mechanism::Basic));
        assert_eq!(shown("SSPI_NTLM"), Shown::Nothing);
        assert_eq!(shown("Bearer abc"), Shown::Proof(None));
        assert_eq!(shown("Negotiate not base64!"), Shown::Nothing);
    }
}
