//! HTTP/1.1 (RFC 9112) as far as a gateway needs it: the head of a request, chunks, answers.

use openssl::base64::encode_block;
use openssl::sha::sha1;

use crate::channel::Frame;

/// What RFC 6455 4.2.2 puts behind the client's key.
const WEBSOCKET_GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The head of a request.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    fields: Vec<(String, String)>,
}

impl Request {
    pub(super) fn read(head: &[u8]) -> Option<Self> {
        let head = String::from_utf8_lossy(head);
        let mut lines = head.split("\r\n");
        let mut first = lines.next()?.split(' ');
        let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
        let fields = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            .collect();
        Some(Self { method, path, fields })
    }

    /// A field's value; its name in lower case.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether it asks for WebSocket.
    pub(super) fn wants_upgrade(&self) -> bool {
        self.field("upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
    }

    /// Whether it has a body, and whether that comes in chunks.
    pub(super) fn body(&self) -> Option<bool> {
        let chunked = self.field("transfer-encoding").is_some_and(|value| value == "chunked");
        let length = self.field("content-length").unwrap_or("0");
        (chunked || length != "0").then_some(chunked)
    }
}

/// Where a head ends.
pub(super) fn head(bytes: &[u8]) -> Frame {
    match bytes.windows(4).position(|window| window == b"\r\n\r\n") {
        Some(at) => Frame::Whole(at + 4),
        None if bytes.first().is_some_and(|first| !first.is_ascii_uppercase()) => Frame::Foreign,
        None => Frame::Incomplete,
    }
}

/// Where a chunk ends (RFC 9112 7.1), its size and its line ends included.
pub(super) fn chunk(bytes: &[u8]) -> Frame {
    let Some(line) = bytes.windows(2).position(|window| window == b"\r\n") else {
        return if bytes.len() > 16 { Frame::Foreign } else { Frame::Incomplete };
    };
    let size = std::str::from_utf8(&bytes[..line]).ok();
    match size.and_then(|text| usize::from_str_radix(text, 16).ok()) {
        Some(size) if size <= 0x1_0000 => Frame::of(bytes, line + 2 + size + 2),
        _ => Frame::Foreign,
    }
}

/// What a whole chunk carries.
pub(super) fn carried(chunk: &[u8]) -> &[u8] {
    let begins = chunk.windows(2).position(|window| window == b"\r\n").map_or(0, |line| line + 2);
    chunk.get(begins..chunk.len() - 2).unwrap_or_default()
}

/// An answer with an empty body.
pub(super) fn answer(status: u16, fields: &[String]) -> Vec<u8> {
    let reason = match status {
        200 => "OK",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        503 => "Service Unavailable",
        _ => "Other",
    };
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    let server = "Server: Microsoft-HTTPAPI/2.0";
    format!("HTTP/1.1 {status} {reason}\r\n{server}\r\n{fields}Content-Length: 0\r\n\r\n").into()
}

/// The beginning of the OUT channel: no length, and the bytes without a meaning behind it (MS-TSGU
/// 3.3.5.1).
pub(super) fn out_channel() -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\nServer: Microsoft-HTTPAPI/2.0\r\n\r\n";
    [head.as_bytes(), &[0xAB, 0xCD, 0xAB, 0xCD, 0xAB, 0xCD, 0xAB, 0xCD, 0xAB, 0xCD]].concat()
}

/// The agreement to an upgrade (RFC 6455 4.2.2).
pub(super) fn upgraded(request: &Request) -> Vec<u8> {
    let key = request.field("sec-websocket-key").unwrap_or_default();
    let accept = encode_block(&sha1(format!("{key}{WEBSOCKET_GUID}").as_bytes()));
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_chunks() {
        let bytes = b"RDG_OUT_DATA /remoteDesktopGateway/ HTTP/1.1\r\nHost: gw\r\n\
            Upgrade: WebSocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nrest";
        assert!(matches!(head(bytes), Frame::Whole(length) if length == bytes.len() - 4));
        let request = Request::read(bytes).expect("a request");
        assert_eq!((request.method.as_str(), request.wants_upgrade()), ("RDG_OUT_DATA", true));
        assert_eq!(request.body(), None);
        // The example of RFC 6455 1.3.
        let answer = String::from_utf8(upgraded(&request)).expect("text");
        assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
        assert!(matches!(chunk(b"5\r\nhello\r\nmore"), Frame::Whole(10)));
        assert_eq!(carried(b"5\r\nhello\r\n"), b"hello");
        assert!(matches!(chunk(b"0\r\n\r\n"), Frame::Whole(5)));
        assert!(matches!(chunk(b"x\r\n"), Frame::Foreign));
        assert!(matches!(head(&[22, 3, 1]), Frame::Foreign));
    }
}
