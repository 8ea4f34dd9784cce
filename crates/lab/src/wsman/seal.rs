//! Encrypted messages (MS-WSMV 2.2.9.1), as a server reads and writes them.

use crate::ntlm::Sealing;

const BOUNDARY: &[u8] = b"--Encrypted Boundary";
const KIND: &[u8] = b"Content-Type: application/HTTP-SPNEGO-session-encrypted\r\n";
const ORIGINAL: &[u8] = b"OriginalContent: type=application/soap+xml;charset=UTF-8;Length=";
const OCTETS: &[u8] = b"Content-Type: application/octet-stream\r\n";

/// The Content-Type that both sides use.
pub(super) const CONTENT_TYPE: &str = "multipart/encrypted;protocol=\"application/HTTP-SPNEGO-session-encrypted\";boundary=\"Encrypted Boundary\"";

/// The message in clear; the error says what is wrong with its form.
pub(super) fn open(body: &[u8], sealing: &mut Sealing) -> Result<Vec<u8>, &'static str> {
    let rest = line(body, BOUNDARY, b"\r\n\t").ok_or("it does not begin with the boundary")?;
    let rest = rest.strip_prefix(KIND).ok_or("its first part has no type")?;
    let rest = line(rest, b"\t", ORIGINAL).ok_or("it does not say what it was")?;
    let end = rest.iter().position(|byte| *byte == b'\r').ok_or("its length has no end")?;
    let length = std::str::from_utf8(&rest[..end]).ok().and_then(|text| text.parse().ok());
    let length: usize = length.ok_or("its length is no number")?;
    let rest = line(&rest[end..], b"\r\n", BOUNDARY).ok_or("the second boundary is missing")?;
    let rest = line(rest, b"\r\n\t", OCTETS).ok_or("its second part has no type")?;
    let rest = rest.strip_suffix(b"--\r\n").and_then(|rest| rest.strip_suffix(BOUNDARY));
    let rest = rest.ok_or("it has no end")?;
    // NTLM's signature has 16 bytes (MS-NLMP 2.2.2.9).
    let sealed = rest.strip_prefix(&[16, 0, 0, 0]).ok_or("its signature has not its length")?;
    let clear = sealing.unseal(sealed).ok_or("its signature does not fit")?;
    if clear.len() == length { Ok(clear) } else { Err("it is not as long as it says") }
}

/// A message, sealed.
pub(super) fn close(clear: &[u8], sealing: &mut Sealing) -> Vec<u8> {
    let sealed = sealing.seal(clear);
    let length = clear.len().to_string();
    [
        BOUNDARY,
        b"\r\n\t",
        KIND,
        b"\t",
        ORIGINAL,
        length.as_bytes(),
        b"\r\n",
        BOUNDARY,
        b"\r\n\t",
        OCTETS,
        &[16, 0, 0, 0],
        &sealed,
        BOUNDARY,
        b"--\r\n",
    ]
    .concat()
}

/// What follows two pieces.
fn line<'a>(bytes: &'a [u8], first: &[u8], second: &[u8]) -> Option<&'a [u8]> {
    bytes.strip_prefix(first)?.strip_prefix(second)
}
