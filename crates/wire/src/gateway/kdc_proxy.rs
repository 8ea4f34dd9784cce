//! The proxy of a key distribution centre (MS-KKDCP), by HTTP/1.1 or HTTP/2: what passes in the bodies
//! of its requests and answers.

use rdpdoctor_model::Party;

use super::http::{Body, Lane, Part};
use super::http2::Listener;

/// Longest message: a ticket of a user in a thousand groups stays below this.
const LONGEST_MESSAGE: usize = 128 * 1024;

/// The status of an answer with a message in it; others carry words for people.
const OK: u16 = 200;

/// Whether a request asks for the proxy (MS-KKDCP 2.1).
pub(super) fn is_place(method: &str, path: &str) -> bool {
    let bare = path.split('?').next().unwrap_or_default();
    method == "POST" && bare.eq_ignore_ascii_case("/kdcproxy")
}

/// One connection to the proxy, inside its TLS.
pub struct KdcProxyLeg {
    version: Version,
    /// Statuses of answers without a message.
    refused: Vec<u16>,
}

enum Version {
    One { client: Box<Inbox>, server: Box<Inbox> },
    Two(Box<Listener>),
}

/// One direction, and the body in the making.
struct Inbox {
    lane: Lane,
    body: Vec<u8>,
    /// Bytes of it that are to come; none where its end is known otherwise.
    left: Option<u64>,
    kept: bool,
    refused: Vec<u16>,
}

impl Default for KdcProxyLeg {
    fn default() -> Self {
        let version = Version::One {
            client: Box::new(Inbox::new(true)),
            server: Box::new(Inbox::new(false)),
        };
        Self { version, refused: Vec::new() }
    }
}

impl KdcProxyLeg {
    /// For a connection that speaks HTTP/2.
    pub fn of_http2() -> Self {
        let version = Version::Two(Box::new(Listener::new(is_place)));
        Self { version, refused: Vec::new() }
    }

    /// Bytes that wait for others.
    pub fn held(&self) -> usize {
        match &self.version {
            Version::One { client, server } => client.held() + server.held(),
            Version::Two(listener) => listener.held(),
        }
    }

    /// Whether it was the proxy that was asked first; `None` while nothing was.
    pub fn is_asked(&self) -> Option<bool> {
        match &self.version {
            Version::One { .. } => Some(true),
            Version::Two(listener) => listener.first(),
        }
    }

    /// The statuses with which the proxy passed no answer on since the last call.
    pub fn take_refused(&mut self) -> Vec<u16> {
        std::mem::take(&mut self.refused)
    }

    /// Takes bytes in; the bodies (KDC-PROXY-MESSAGE, MS-KKDCP 2.2.2) that are whole by now, each with
    /// who sent it. An answer follows its own request, however many are on the way.
    pub fn feed(&mut self, from: Party, bytes: &[u8]) -> Vec<(Party, Vec<u8>)> {
        match (&mut self.version, from) {
            (Version::One { client: inbox, .. }, Party::Client)
            | (Version::One { server: inbox, .. }, Party::Server) => {
                let whole = inbox.feed(bytes);
                self.refused.append(&mut inbox.refused);
                whole.into_iter().map(|body| (from, body)).collect()
            }
            (Version::Two(listener), _) => {
                let whole = listener.feed(from, bytes).into_iter();
                let fits = whole.filter(|e| e.request.len().max(e.answer.len()) <= LONGEST_MESSAGE);
                let mut bodies = Vec::new();
                for exchange in fits {
                    bodies.push((Party::Client, exchange.request));
                    match exchange.status {
                        OK => bodies.push((Party::Server, exchange.answer)),
                        status => self.refused.push(status),
                    }
                }
                bodies
            }
        }
    }
}

impl Inbox {
    fn new(by_client: bool) -> Self {
        let refused = Vec::new();
        Self { lane: Lane::new(by_client), body: Vec::new(), left: None, kept: false, refused }
    }

    fn held(&self) -> usize {
        self.lane.held() + self.body.len()
    }

    fn feed(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut whole = Vec::new();
        self.lane.feed(bytes);
        while let Some(part) = self.lane.next() {
            match part {
                Part::Head(head) => {
                    whole.extend(self.last_chunk());
                    let body = head.body().unwrap_or(Body::Sized(0));
                    self.kept = matches!(head.status, 0 | OK);
                    // 100 only lets the client go on (RFC 9110 15.2).
                    let is_final = head.status >= OK;
                    self.refused.extend((is_final && !self.kept).then_some(head.status));
                    self.left = match body {
                        Body::Sized(length) => Some(length),
                        Body::Chunked | Body::Endless => None,
                    };
                    self.body.clear();
                    self.lane.expect(body);
                }
                Part::Body(bytes) => {
                    self.left = self.left.map(|left| left.saturating_sub(bytes.len() as u64));
                    if self.kept && self.body.len() + bytes.len() <= LONGEST_MESSAGE {
                        self.body.extend(bytes);
                    } else {
                        self.kept = false;
                    }
                    if self.left == Some(0) && self.kept {
                        whole.push(std::mem::take(&mut self.body));
                    }
                }
                Part::Broken(_) => self.kept = false,
            }
        }
        whole.extend(self.last_chunk());
        whole
    }

    /// The body whose last chunk has come.
    fn last_chunk(&mut self) -> Option<Vec<u8>> {
        let over = self.lane.is_between() && self.left.is_none() && self.kept;
        (over && !self.body.is_empty()).then(|| std::mem::take(&mut self.body))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bodies of both directions, fed in pieces of this size.
    fn bodies(client: &[u8], server: &[u8], size: usize) -> Vec<String> {
        let mut leg = KdcProxyLeg::default();
        let mut all = Vec::new();
        for (from, bytes) in [(Party::Client, client), (Party::Server, server)] {
            for piece in bytes.chunks(size) {
                all.extend(leg.feed(from, piece));
            }
        }
        all.into_iter().map(|(_, body)| String::from_utf8_lossy(&body).into_owned()).collect()
    }

    const ASKED: &[u8] = b"POST /KdcProxy HTTP/1.1\r\nHost: gw\r\nContent-Length: 3\r\n\r\nabc\
        POST /KdcProxy HTTP/1.1\r\nContent-Length: 2\r\n\r\nde";

    #[test]
    fn bodies_by_length_and_in_chunks() {
        let answered = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfghi\
            HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\njk\r\n1\r\nl\r\n0\r\n\r\n";
        for size in [1, 2, 7, 1000] {
            assert_eq!(bodies(ASKED, answered, size), ["abc", "de", "fghi", "jkl"], "{size}");
        }
    }

    #[test]
    fn what_a_web_server_says_to_people_is_no_message() {
        let answered = b"HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\noops";
        assert_eq!(bodies(b"", answered, 9), [""; 0]);
        let mut leg = KdcProxyLeg::default();
        leg.feed(Party::Server, b"HTTP/1.1 100 Continue\r\n\r\n");
        leg.feed(Party::Server, answered);
        assert_eq!((leg.take_refused(), leg.take_refused()), (vec![503], vec![]));
        let long = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", LONGEST_MESSAGE + 1);
        let long = [long.as_bytes(), &vec![b'x'; LONGEST_MESSAGE + 1]].concat();
        assert_eq!(bodies(b"", &long, 4096), [""; 0]);
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400), size in 1_usize..60) {
            let begun = [&b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"[..], &bytes].concat();
            bodies(&bytes, &begun, size);
        }
    }
}
