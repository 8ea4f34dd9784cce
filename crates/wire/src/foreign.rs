//! What else answers on a port: other services by their first bytes.

use rdpdoctor_model::{Fact, Hex, ServiceKind};

/// After so many bytes that nobody recognised, no more are waited for.
const ENOUGH: usize = 64;

/// Longest quotation of what a service said.
const LONGEST_QUOTATION: usize = 120;

/// The service that begins like this; `None` when it could still become one, or is none.
pub(crate) fn recognise(bytes: &[u8]) -> Option<ServiceKind> {
    let lower: Vec<u8> = bytes.iter().take(256).map(u8::to_ascii_lowercase).collect();
    let holds = |needle: &[u8]| lower.windows(needle.len()).any(|window| window == needle);
    let line_ended = bytes.contains(&b'\n');
    match bytes {
        [b'S', b'S', b'H', b'-', ..] => Some(ServiceKind::Ssh),
        [b'H', b'T', b'T', b'P', b'/', ..] => Some(ServiceKind::Http),
        _ if lower.starts_with(b"<html") || lower.starts_with(b"<!doctype html") => {
            Some(ServiceKind::Http)
        }
        [0x15 | 0x16, 3, 0..=4, _, _, ..] => Some(ServiceKind::Tls),
        [b'R', b'F', b'B', b' ', ..] => Some(ServiceKind::Vnc),
        // RFC 1002 4.3: session service answers 0x82 to 0x84; SMB itself behind a 4-byte length.
        [0x82..=0x84, 0, ..] => Some(ServiceKind::Smb),
        [0, _, _, _, 0xFE | 0xFF, b'S', b'M', b'B', ..] => Some(ServiceKind::Smb),
        [b'2' | b'4' | b'5', b'2' | b'0' | b'3', b'0' | b'1', b' ' | b'-', ..] if line_ended => {
            let mail = [&b"smtp"[..], b"mail", b"postfix", b"exim", b"sendmail"];
            if holds(b"ftp") {
                Some(ServiceKind::Ftp)
            } else if mail.iter().any(|word| holds(word)) {
                Some(ServiceKind::Smtp)
            } else {
                Some(ServiceKind::Unknown)
            }
        }
        [b'+', b'O', b'K', ..] => Some(ServiceKind::Pop3),
        [b'*', b' ', b'O', b'K', ..] | [b'*', b' ', b'B', b'Y', b'E', ..] => {
            Some(ServiceKind::Imap)
        }
        // RFC 854: IAC and DO, DONT, WILL or WONT.
        [0xFF, 0xFB..=0xFE, _, ..] => Some(ServiceKind::Telnet),
        // Protocol::HandshakeV10: 3-byte length, sequence 0, version 10, then the server's version.
        [_, 0 | 1, 0, 0, 10, b'0'..=b'9', ..] => Some(ServiceKind::Mysql),
        // An error instead of the greeting: 3-byte length, sequence 0, 0xff.
        [_, _, 0, 0, 0xFF, _, _, ..] => Some(ServiceKind::Mysql),
        _ if bytes.len() >= ENOUGH => Some(ServiceKind::Unknown),
        _ => None,
    }
}

/// The fact about a foreign service that began with `bytes`.
pub(crate) fn fact(service: ServiceKind, bytes: &[u8], unasked: bool) -> Fact {
    Fact::ForeignService {
        service,
        said: quotation(bytes),
        bytes: Hex(bytes[..bytes.len().min(32)].to_vec()),
        unasked,
    }
}

/// The printable ASCII of the first line, or nothing when the bytes are not mainly text.
fn quotation(bytes: &[u8]) -> String {
    let line = bytes.split(|&b| b == b'\n').find(|line| !line.is_empty()).unwrap_or_default();
    let printable = line.iter().filter(|b| (0x20..0x7F).contains(*b)).count();
    if printable * 4 < line.len() * 3 {
        return String::new();
    }
    line.iter()
        .filter(|b| (0x20..0x7F).contains(*b))
        .take(LONGEST_QUOTATION)
        .map(|&b| char::from(b))
        .collect()
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::ServiceKind::*;

    use super::{quotation, recognise};

    #[test]
    fn greetings() {
        for (bytes, service) in [
            (&b"SSH-2.0-OpenSSH_9.2p1\r\n"[..], Some(Ssh)),
            (b"HTTP/1.1 400 Bad Request\r\n", Some(Http)),
            (b"<!DOCTYPE HTML>", Some(Http)),
            (b"\x15\x03\x01\x00\x02\x02\x46", Some(Tls)),
            (b"RFB 003.008\n", Some(Vnc)),
            (b"\x83\x00\x00\x01\x8f", Some(Smb)),
            (b"220 files FTP server ready\r\n", Some(Ftp)),
            (b"220 mx.example ESMTP Postfix\r\n", Some(Smtp)),
            (b"220 mx.exa", None),
            (b"+OK ready\r\n", Some(Pop3)),
            (b"* OK IMAP4rev1\r\n", Some(Imap)),
            (b"\xff\xfd\x18\xff\xfd\x20", Some(Telnet)),
            (b"\x4a\x00\x00\x00\x0a8.0.36\0", Some(Mysql)),
            (b"wh", None),
            (&[b'x'; 64], Some(Unknown)),
        ] {
            assert_eq!(recognise(bytes), service, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn quotations_hold_nothing_that_acts() {
        assert_eq!(quotation(b"\x1b[31mred\x07 alert\r\nmore"), "[31mred alert");
        assert_eq!(quotation(&[0, 1, 2, 3]), "");
    }
}
