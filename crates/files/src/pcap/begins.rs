//! What a connection is, by the client's first bytes.

/// So many bytes tell a Connection Request.
const REQUEST_HEAD: usize = 6;

/// Whether a client's first bytes are an X.224 Connection Request in TPKT; `None` while that cannot be
/// told.
pub(super) fn as_request(head: &[u8]) -> Option<bool> {
    begins(head, is_of_request)
}

/// The same of a handshake of TLS.
pub(super) fn as_hello(head: &[u8]) -> Option<bool> {
    begins(head, is_of_hello)
}

fn begins(head: &[u8], wanted: fn(usize, u8) -> bool) -> Option<bool> {
    if !head.iter().take(REQUEST_HEAD).enumerate().all(|(place, byte)| wanted(place, *byte)) {
        return Some(false);
    }
    (head.len() >= REQUEST_HEAD).then_some(true)
}

/// Whether a byte may stand at this place of a Connection Request.
fn is_of_request(place: usize, byte: u8) -> bool {
    match place {
        0 => byte == 3,
        1 => byte == 0,
        5 => byte & 0xF0 == 0xE0,
        _ => true,
    }
}

/// The same of a record with a ClientHello (RFC 8446 5.1).
fn is_of_hello(place: usize, byte: u8) -> bool {
    match place {
        0 => byte == 22,
        1 => byte == 3,
        5 => byte == 1,
        _ => true,
    }
}
