//! What Kerberos says outside its own connections: errors of a centre (RFC 4120 5.9.1), and what a service
//! answers to a ticket, in tokens of GSS-API (RFC 4121 4.1). Read with `picky-krb`.

use der_parser::asn1_rs::{Any, FromBer as _};
use picky_krb::messages::KrbError;
use rdpdoctor_model::{Fact, Timestamp};

/// Longest text kept of an error.
const LONGEST_TEXT: usize = 200;

/// The mechanism Kerberos (RFC 1964 1), as OBJECT IDENTIFIER; behind it stands which message follows.
pub(crate) const MECHANISM: &[u8] = &[6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 1, 2, 2];

/// TOK_ID of AP-REP and of KRB-ERROR (RFC 4121 4.1).
const AP_REP: &[u8] = &[2, 0];
const KRB_ERROR: &[u8] = &[3, 0];

/// A KRB-ERROR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// error-code (RFC 4120 7.5.9).
    pub code: u32,
    /// Its clock (stime).
    pub server_time: Option<Timestamp>,
    /// e-text, at most 200 characters.
    pub text: Option<String>,
}

/// The KRB-ERROR at the beginning of these bytes.
pub fn read_error(bytes: &[u8]) -> Option<Refusal> {
    let (rest, _) = Any::from_ber(bytes).ok()?;
    let message = bytes.get(..bytes.len().checked_sub(rest.len())?)?;
    let error = picky_asn1_der::from_bytes::<KrbError>(message).ok()?;
    let time = &error.0.stime.0.0;
    let (year, month, day) = (time.year(), time.month(), time.day());
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    let server_time = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
    let text = error.0.e_text.0;
    Some(Refusal {
        code: error.0.error_code.0,
        server_time: server_time.parse().ok(),
        text: text.map(|text| text.0.0.as_utf8().chars().take(LONGEST_TEXT).collect()),
    })
}

/// What a service answers to a ticket, where its token says so; SPNEGO may be around it (RFC 4178).
pub fn ticket_answer(token: &[u8]) -> Option<Fact> {
    let place = token.windows(MECHANISM.len()).rposition(|window| window == MECHANISM)?;
    let (kind, message) = token.get(place + MECHANISM.len()..)?.split_at_checked(AP_REP.len())?;
    if kind == AP_REP {
        return Some(Fact::TicketAnswer { code: None, server_time: None, text: None });
    }
    let Refusal { code, server_time, text } = read_error(message).filter(|_| kind == KRB_ERROR)?;
    Some(Fact::TicketAnswer { code: Some(code), server_time, text })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).unwrap_or(127);
        [&[tag, length], content].concat()
    }

    /// KRB-ERROR with this code.
    fn error(code: u8) -> Vec<u8> {
        let service = [tlv(0xA0, &tlv(2, &[2])), tlv(0xA1, &tlv(0x30, &tlv(0x1B, b"HTTP")))];
        let fields = [
            tlv(0xA0, &tlv(2, &[5])),
            tlv(0xA1, &tlv(2, &[30])),
            tlv(0xA4, &tlv(0x18, b"20231114221320Z")),
            tlv(0xA5, &tlv(2, &[1])),
            tlv(0xA6, &tlv(2, &[code])),
            tlv(0xA9, &tlv(0x1B, b"CORP")),
            tlv(0xAA, &tlv(0x30, &service.concat())),
        ];
        tlv(0x7E, &tlv(0x30, &fields.concat()))
    }

    /// A token of the mechanism, inside NegTokenResp with something behind it.
    fn token(kind: &[u8], message: &[u8]) -> Vec<u8> {
        let inner = tlv(0x60, &[MECHANISM, kind, message].concat());
        let fields = [tlv(0xA1, MECHANISM), tlv(0xA2, &tlv(4, &inner)), tlv(0xA3, &[4, 2, 7, 7])];
        [&[0xA1, 0x81, 0x7F, 0x30, 0x7F][..], &fields.concat()].concat()
    }

    #[test]
    fn what_a_service_says_to_a_ticket() {
        let Some(Fact::TicketAnswer { code: Some(41), server_time: Some(_), text: None }) =
            ticket_answer(&token(KRB_ERROR, &error(41)))
        else {
            panic!("no answer")
        };
        let taken = Fact::TicketAnswer { code: None, server_time: None, text: None };
        assert_eq!(ticket_answer(&token(AP_REP, b"\x6F\x03abc")), Some(taken));
        // A ticket, half an error, and another mechanism.
        assert_eq!(ticket_answer(&token(&[1, 0], &error(41))), None);
        assert_eq!(ticket_answer(&token(KRB_ERROR, &error(41)[..30])), None);
        assert_eq!(ticket_answer(b"NTLMSSP\0\x02\0\0\0"), None);
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_error(&bytes);
            let _ = ticket_answer(&[MECHANISM, KRB_ERROR, &bytes].concat());
        }
    }
}
