//! A message that is encrypted by the sign-in's own keys, where the transport does not encrypt (MS-WSMV
//! 2.2.9.1). It looks like MIME's multipart and is none: no empty line ends a part's head, and no line
//! end comes before the last boundary.

use super::{Malformed, SOAP};

/// What NTLM and Kerberos by SPNEGO are called here.
const PROTOCOL: &str = "application/HTTP-SPNEGO-session-encrypted";

const BOUNDARY: &str = "--Encrypted Boundary";

/// Longest signature: Kerberos has some 60 bytes.
const LONGEST_TOKEN: usize = 1024;

/// What is encrypted, and what says that nobody changed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed<'a> {
    /// How long the message is in clear.
    pub length: usize,
    /// The signature.
    pub token: &'a [u8],
    /// The message.
    pub data: &'a [u8],
}

/// The Content-Type of a sealed message.
pub fn content_type() -> String {
    format!("multipart/encrypted;protocol=\"{PROTOCOL}\";boundary=\"Encrypted Boundary\"")
}

/// Whether a Content-Type is that of a sealed message.
pub fn is_sealed(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("multipart/encrypted")
}

/// A sealed message as it is sent.
pub fn seal(sealed: &Sealed<'_>) -> Vec<u8> {
    let length = sealed.length;
    let head = format!(
        "{BOUNDARY}\r\n\tContent-Type: {PROTOCOL}\r\n\tOriginalContent: type={SOAP};Length={length}\r\n\
         {BOUNDARY}\r\n\tContent-Type: application/octet-stream\r\n"
    );
    let token_length = u32::try_from(sealed.token.len()).unwrap_or(u32::MAX).to_le_bytes();
    let end = format!("{BOUNDARY}--\r\n");
    [head.as_bytes(), &token_length, sealed.token, sealed.data, end.as_bytes()].concat()
}

/// Takes a sealed message apart.
///
/// # Errors
/// When it is none.
pub fn unseal(body: &[u8]) -> Result<Sealed<'_>, Malformed> {
    const WRONG: Malformed = Malformed("an encrypted answer has not its form");
    let rest = body.strip_prefix(BOUNDARY.as_bytes()).ok_or(WRONG)?;
    let at = find(rest, BOUNDARY.as_bytes()).ok_or(WRONG)?;
    let (head, rest) = rest.split_at(at);
    let head = std::str::from_utf8(head).map_err(|_| WRONG)?;
    let length = head
        .lines()
        .filter(|line| line.trim_start().to_ascii_lowercase().starts_with("originalcontent:"))
        .find_map(|line| line.to_ascii_lowercase().rsplit_once("length=")?.1.trim().parse().ok())
        .ok_or(WRONG)?;
    const KIND: &[u8] = b"application/octet-stream\r\n";
    let at = find(rest, KIND).ok_or(WRONG)?;
    let (token_length, rest) = rest[at + KIND.len()..].split_first_chunk::<4>().ok_or(WRONG)?;
    let token_length = usize::try_from(u32::from_le_bytes(*token_length)).map_err(|_| WRONG)?;
    if token_length > LONGEST_TOKEN {
        return Err(WRONG);
    }
    let (token, rest) = rest.split_at_checked(token_length).ok_or(WRONG)?;
    // What is encrypted may hold anything: the boundary that counts is the last one.
    let rest = rest.strip_suffix(b"\r\n").unwrap_or(rest);
    let rest = rest.strip_suffix(b"--").ok_or(WRONG)?;
    let data = rest.strip_suffix(BOUNDARY.as_bytes()).ok_or(WRONG)?;
    Ok(Sealed { length, token, data })
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_form_of_the_specification() {
        // MS-WSMV 2.2.9.1.1.
        let message = seal(&Sealed { length: 5, token: &[7; 16], data: b"12345" });
        let expected = [
            &b"--Encrypted Boundary\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n"[..],
            b"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=5\r\n",
            b"--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n",
            &[16, 0, 0, 0],
            &[7; 16],
            b"12345--Encrypted Boundary--\r\n",
        ]
        .concat();
        assert_eq!(message, expected);
        assert!(is_sealed(&content_type()) && !is_sealed(SOAP));
    }

    #[test]
    fn what_has_another_form_is_refused() {
        let whole = seal(&Sealed { length: 5, token: &[7; 16], data: b"12345" });
        for length in 0..whole.len() - 2 {
            assert!(unseal(&whole[..length]).is_err(), "{length}");
        }
        assert!(unseal(&whole[..whole.len() - 2]).is_ok(), "the last line end may be missing");
        let text = String::from_utf8_lossy(&whole).into_owned();
        assert!(unseal(text.replace("Length=5", "Length=x").as_bytes()).is_err());
        let mut long = whole.clone();
        let at = find(&whole, &[16, 0, 0, 0]).expect("the signature's length");
        long[at + 2] = 1;
        assert!(unseal(&long).is_err(), "no signature is that long");
    }

    proptest! {
        #[test]
        fn there_and_back(token in proptest::collection::vec(any::<u8>(), 0..80), data: Vec<u8>) {
            let sealed = Sealed { length: data.len(), token: &token, data: &data };
            let message = seal(&sealed);
            prop_assert_eq!(unseal(&message), Ok(sealed.clone()));
        }

        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            let _ = unseal(&bytes);
            let _ = unseal(&[b"--Encrypted Boundary\r\nOriginalContent: Length=1\r\n--Encrypted Boundary\r\n Content-Type: application/octet-stream\r\n", &bytes[..]].concat());
        }
    }
}
