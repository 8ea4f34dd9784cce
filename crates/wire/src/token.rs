//! What a client's negotiation token shows of who signs in, for whoever did not make it: SPNEGO
//! (RFC 4178 4.2) and the message inside, or that message by itself.

use der_parser::asn1_rs::{Any, Class, FromBer as _};
use rdpdoctor_model::Mechanism;

use crate::{kerberos, ntlm};

/// SPNEGO (RFC 4178 4.2), as OBJECT IDENTIFIER.
const SPNEGO: &[u8] = &[6, 6, 0x2B, 6, 1, 5, 5, 2];

/// TOK_ID of AP-REQ (RFC 4121 4.1), and of the request for the server's own ticket, which holds none
/// of the user's (draft-swift-win2k-krb-user2user-03 4).
const AP_REQ: [u8; 2] = [1, 0];
const TGT_REQ: [u8; 2] = [4, 0];

/// Signature of NEGOEX messages (MS-NEGOEX 2.2.6.2), and the types of those that only announce what
/// the client knows: INITIATOR_NEGO and INITIATOR_META_DATA.
const NEGOEX: &[u8] = b"NEGOEXTS";
const NEGOEX_ANNOUNCES: [u32; 2] = [0, 2];

/// What a token shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Nothing that could be judged, or tried for a password.
    Nothing,
    /// A proof of who the user is.
    Proof(Mechanism),
    /// What is not known here, and may be anything.
    Unknown,
}

/// What a client's token shows; only what is known to show nothing counts as nothing. A server has its
/// say in what a client answers, so that the place of a message decides and not its bytes anywhere.
pub fn shown(token: &[u8]) -> Shown {
    match message(token) {
        Some([]) => Shown::Nothing,
        Some(message) if message.starts_with(ntlm::SIGNATURE) => match ntlm::kind(message) {
            Some(ntlm::MESSAGE_TYPE_NEGOTIATE) => Shown::Nothing,
            Some(ntlm::MESSAGE_TYPE_AUTHENTICATE) => Shown::Proof(Mechanism::Ntlm),
            _ => Shown::Unknown,
        },
        Some(message) if message.starts_with(NEGOEX) && only_announces(message) => Shown::Nothing,
        Some(message) => {
            match frame(message).and_then(|inner| inner.strip_prefix(kerberos::MECHANISM)) {
                Some(inner) if inner.starts_with(&AP_REQ) => Shown::Proof(Mechanism::Kerberos),
                Some(inner) if inner.starts_with(&TGT_REQ) => Shown::Nothing,
                _ => Shown::Unknown,
            }
        }
        None => Shown::Unknown,
    }
}

/// The mechanism's message in a token; empty where SPNEGO carries none.
fn message(token: &[u8]) -> Option<&[u8]> {
    if token.is_empty() || token.starts_with(ntlm::SIGNATURE) || token.starts_with(NEGOEX) {
        return Some(token);
    }
    let negotiation = match frame(token) {
        // NegTokenInit, behind SPNEGO's identifier.
        Some(inner) => match inner.strip_prefix(SPNEGO) {
            Some(choice) => field(choice, 0)?,
            None => return Some(token),
        },
        // NegTokenResp.
        None => field(token, 1)?,
    };
    let (_, sequence) = Any::from_ber(negotiation).ok()?;
    // mechToken and responseToken have the same number.
    let mut rest = sequence.data;
    while !rest.is_empty() {
        let (behind, any) = Any::from_ber(rest).ok()?;
        if any.class() == Class::ContextSpecific && any.tag().0 == 2 {
            return Some(Any::from_ber(any.data).ok()?.1.data);
        }
        rest = behind;
    }
    Some(&[])
}

/// What is inside GSS-API's frame (RFC 2743 3.1).
fn frame(token: &[u8]) -> Option<&[u8]> {
    let (_, any) = Any::from_ber(token).ok()?;
    (any.class() == Class::Application && any.tag().0 == 0).then_some(any.data)
}

/// What is inside the field with this number, which these bytes begin with.
fn field(bytes: &[u8], number: u32) -> Option<&[u8]> {
    let (_, any) = Any::from_ber(bytes).ok()?;
    (any.class() == Class::ContextSpecific && any.tag().0 == number).then_some(any.data)
}

/// Whether all of these NEGOEX messages (MS-NEGOEX 2.2.6.2: type, number, length of the head, length
/// of the whole) announce and nothing else.
fn only_announces(mut messages: &[u8]) -> bool {
    let number = |bytes: &[u8], at: usize| {
        bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_le_bytes)
    };
    while !messages.is_empty() {
        let kind = number(messages, 8);
        let length = number(messages, 20).and_then(|length| usize::try_from(length).ok());
        let announces = kind.is_some_and(|kind| NEGOEX_ANNOUNCES.contains(&kind));
        let Some(behind) = length.filter(|length| *length >= 24).and_then(|at| messages.get(at..))
        else {
            return false;
        };
        if !announces || !messages.starts_with(NEGOEX) {
            return false;
        }
        messages = behind;
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).unwrap_or(0);
        [&[tag, 0x81, length], content].concat()
    }

    fn ntlm(kind: u8) -> Vec<u8> {
        [b"NTLMSSP\0", &[kind, 0, 0, 0][..], &[7; 20]].concat()
    }

    fn kerberos(kind: [u8; 2], message: &[u8]) -> Vec<u8> {
        tlv(0x60, &[kerberos::MECHANISM, &kind, message].concat())
    }

    fn negoex(kind: u8) -> Vec<u8> {
        [NEGOEX, &[kind, 0, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0, 40, 0, 0, 0], &[9; 16]].concat()
    }

    /// A NegTokenInit with two mechanisms, and a message where there is one.
    fn first(message: Option<&[u8]>) -> Vec<u8> {
        let mechanisms = tlv(0xA0, &tlv(0x30, &[kerberos::MECHANISM, SPNEGO].concat()));
        let token = message.map(|message| tlv(0xA2, &tlv(4, message))).unwrap_or_default();
        let sequence = tlv(0x30, &[mechanisms, token].concat());
        tlv(0x60, &[SPNEGO, &tlv(0xA0, &sequence)].concat())
    }

    /// A NegTokenResp.
    fn next(message: Option<&[u8]>) -> Vec<u8> {
        let token = message.map(|message| tlv(0xA2, &tlv(4, message))).unwrap_or_default();
        let fields = [tlv(0xA0, &tlv(10, &[1])), token, tlv(0xA3, &tlv(4, &[5; 16]))];
        tlv(0xA1, &tlv(0x30, &fields.concat()))
    }

    #[test]
    fn the_message_inside_decides() {
        let ticket = Shown::Proof(Mechanism::Kerberos);
        let cases = [
            (Vec::new(), Shown::Nothing),
            (ntlm(1), Shown::Nothing),
            (ntlm(3), Shown::Proof(Mechanism::Ntlm)),
            (ntlm(2), Shown::Unknown),
            (kerberos(AP_REQ, b"\x6E\x01a"), ticket),
            (kerberos(TGT_REQ, b"abc"), Shown::Nothing),
            (kerberos([9, 0], b"abc"), Shown::Unknown),
            (negoex(0), Shown::Nothing),
            ([negoex(0), negoex(2)].concat(), Shown::Nothing),
            ([negoex(0), negoex(5)].concat(), Shown::Unknown),
            ([negoex(0), ntlm(3)].concat(), Shown::Unknown),
            (b"what is this".to_vec(), Shown::Unknown),
        ];
        for (message, expected) in &cases {
            assert_eq!(shown(message), *expected, "{message:02x?}");
            if !message.is_empty() {
                assert_eq!(shown(&first(Some(message))), *expected, "{message:02x?}");
                assert_eq!(shown(&next(Some(message))), *expected, "{message:02x?}");
            }
        }
        assert_eq!((shown(&first(None)), shown(&next(None))), (Shown::Nothing, Shown::Nothing));
    }

    /// The target info of a challenge comes back in the answer to it: what a server wrote there does
    /// not make a ticket of it.
    #[test]
    fn a_server_cannot_call_ntlm_a_ticket() {
        let smuggled = [ntlm(3), kerberos(AP_REQ, b"\x6E\x01a")].concat();
        assert_eq!(shown(&smuggled), Shown::Proof(Mechanism::Ntlm));
        assert_eq!(shown(&next(Some(&smuggled))), Shown::Proof(Mechanism::Ntlm));
        let cut = &next(Some(&ntlm(3)))[..30];
        assert_eq!(shown(cut), Shown::Unknown);
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for token in [bytes.clone(), first(Some(&bytes)), [NEGOEX, &bytes].concat()] {
                let _ = shown(&token);
            }
        }
    }
}
