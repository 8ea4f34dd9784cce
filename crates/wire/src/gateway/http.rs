//! One direction of HTTP/1.1 as it passes: heads, and the bytes of bodies as they come.
//!
//! `httparse` reads heads and the sizes of chunks; the libraries around it (hyper) are an end of the
//! connection and cannot listen.

use httparse::{EMPTY_HEADER, Request, Response, Status, parse_chunk_size};

/// Most bytes of a head, and of its fields; those with a ticket of Kerberos have some 20 KB.
const LONGEST_HEAD: usize = 64 * 1024;
const MOST_FIELDS: usize = 100;

/// The size of a chunk with its extensions, or a line of a trailer.
const LONGEST_LINE: usize = 4096;

/// What comes out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A head; whoever takes it says what body follows.
    Head(Head),
    /// Bytes of a body.
    Body(Vec<u8>),
    /// It is no HTTP.
    Broken(String),
}

/// The head of a request or of an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) status: u16,
    pub(super) reason: String,
    fields: Vec<(String, Vec<u8>)>,
}

/// How a body ends (RFC 9112 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// After so many bytes.
    Sized(u64),
    /// With the last chunk.
    Chunked,
    /// With the connection.
    Endless,
}

/// One direction.
pub(super) struct Lane {
    by_client: bool,
    buffer: Vec<u8>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Sized(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailer,
    Endless,
    Broken,
}

impl Head {
    /// The values of a field, in order.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let own = self.fields.iter().filter(move |(own, _)| own.eq_ignore_ascii_case(name));
        own.filter_map(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// The first value of a field.
    pub(super) fn field<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// Whether a request asks for a WebSocket (RFC 6455 4.2.1).
    pub(super) fn wants_upgrade(&self) -> bool {
        self.all("upgrade").any(|value| value.eq_ignore_ascii_case("websocket"))
    }

    /// What the head says of its body; `None` where it says nothing.
    pub(super) fn body(&self) -> Option<Body> {
        let chunked = self.all("transfer-encoding").any(|value| {
            value.split(',').any(|coding| coding.trim().eq_ignore_ascii_case("chunked"))
        });
        if chunked {
            return Some(Body::Chunked);
        }
        self.field("content-length")?.trim().parse().ok().map(Body::Sized)
    }
}

impl Lane {
    pub(super) fn new(by_client: bool) -> Self {
        Self { by_client, buffer: Vec::new(), state: State::Head }
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        if self.state != State::Broken {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// What the body behind the head is that was just given.
    pub(super) fn expect(&mut self, body: Body) {
        self.state = match body {
            Body::Sized(0) => State::Head,
            Body::Sized(length) => State::Sized(length),
            Body::Chunked => State::ChunkSize,
            Body::Endless => State::Endless,
        };
    }

    /// What has come and was not read yet: after an upgrade it is another protocol's.
    pub(super) fn take_rest(&mut self) -> Vec<u8> {
        self.state = State::Broken;
        std::mem::take(&mut self.buffer)
    }

    /// Bytes that wait for others.
    pub(super) fn held(&self) -> usize {
        self.buffer.len()
    }

    /// Whether a head has begun and is not complete.
    pub(super) fn is_within_head(&self) -> bool {
        self.state == State::Head && !self.buffer.is_empty()
    }

    /// Whether a message is complete and none has begun.
    pub(super) fn is_between(&self) -> bool {
        self.state == State::Head
    }

    /// The next part, if there is enough of it.
    pub(super) fn next(&mut self) -> Option<Part> {
        loop {
            if self.buffer.is_empty() {
                return None;
            }
            let part = match self.state {
                State::Head => return self.head(),
                State::Sized(left) => {
                    let (body, left) = self.take(left);
                    self.state = if left == 0 { State::Head } else { State::Sized(left) };
                    Part::Body(body)
                }
                State::Chunk(left) => {
                    let (body, left) = self.take(left);
                    self.state = if left == 0 { State::ChunkEnd } else { State::Chunk(left) };
                    Part::Body(body)
                }
                State::Endless => Part::Body(std::mem::take(&mut self.buffer)),
                State::ChunkSize => match parse_chunk_size(&self.buffer) {
                    Ok(Status::Complete((read, size))) => {
                        self.buffer.drain(..read);
                        self.state = if size == 0 { State::Trailer } else { State::Chunk(size) };
                        continue;
                    }
                    Ok(Status::Partial) if self.buffer.len() <= LONGEST_LINE => return None,
                    _ => self.broken("a chunk without a size"),
                },
                State::ChunkEnd => {
                    let end = self.buffer.get(..2)?;
                    if end == b"\r\n" {
                        self.buffer.drain(..2);
                        self.state = State::ChunkSize;
                        continue;
                    }
                    self.broken("a chunk that does not end where it should")
                }
                State::Trailer => {
                    let end = self.buffer.windows(2).position(|pair| pair == b"\r\n");
                    let Some(end) = end else {
                        let within = self.buffer.len() <= LONGEST_LINE;
                        return (!within).then(|| self.broken("a trailer without an end"));
                    };
                    self.buffer.drain(..end + 2);
                    self.state = if end == 0 { State::Head } else { State::Trailer };
                    continue;
                }
                State::Broken => {
                    self.buffer.clear();
                    return None;
                }
            };
            return Some(part);
        }
    }

    /// At most so many bytes, and how many are left to come.
    fn take(&mut self, left: u64) -> (Vec<u8>, u64) {
        let now = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
        (self.buffer.drain(..now).collect(), left - now as u64)
    }

    fn broken(&mut self, problem: &str) -> Part {
        self.state = State::Broken;
        self.buffer = Vec::new();
        Part::Broken(problem.to_owned())
    }

    fn head(&mut self) -> Option<Part> {
        match read(&self.buffer, self.by_client) {
            Ok(Some((head, length))) => {
                self.buffer.drain(..length);
                Some(Part::Head(head))
            }
            Ok(None) if self.buffer.len() <= LONGEST_HEAD => None,
            Ok(None) => Some(self.broken("a head without an end")),
            Err(problem) => Some(self.broken(&problem)),
        }
    }
}

/// The head at the beginning, with its length.
fn read(bytes: &[u8], by_client: bool) -> Result<Option<(Head, usize)>, String> {
    let mut fields = [EMPTY_HEADER; MOST_FIELDS];
    let mut head = Head::default();
    let parsed = if by_client {
        let mut request = Request::new(&mut fields);
        let parsed = request.parse(bytes);
        head.method = request.method.unwrap_or_default().to_owned();
        head.path = request.path.unwrap_or_default().to_owned();
        parsed
    } else {
        let mut response = Response::new(&mut fields);
        let parsed = response.parse(bytes);
        head.status = response.code.unwrap_or_default();
        head.reason = response.reason.unwrap_or_default().to_owned();
        parsed
    };
    match parsed {
        Ok(Status::Complete(length)) => {
            let own = fields.iter().filter(|field| !field.name.is_empty());
            head.fields = own.map(|field| (field.name.to_owned(), field.value.to_vec())).collect();
            Ok(Some((head, length)))
        }
        Ok(Status::Partial) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every part of these bytes, fed in pieces of this size; `body` is asked at each head.
    fn parts(bytes: &[u8], size: usize, body: impl Fn(&Head) -> Body) -> (String, Vec<u8>) {
        let mut lane = Lane::new(true);
        let (mut words, mut content) = (String::new(), Vec::new());
        for piece in bytes.chunks(size) {
            lane.feed(piece);
            while let Some(part) = lane.next() {
                match part {
                    Part::Head(head) => {
                        lane.expect(body(&head));
                        words.push_str(&format!("{} ", head.method));
                    }
                    Part::Body(bytes) => content.extend(bytes),
                    Part::Broken(problem) => words.push_str(&problem),
                }
            }
        }
        (words, content)
    }

    fn stated(head: &Head) -> Body {
        head.body().unwrap_or(Body::Sized(0))
    }

    const CHUNKED: &[u8] =
        b"RDG_IN_DATA /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\nGET / HTTP/1.1\r\n\r\n";

    #[test]
    fn bodies_of_every_kind_in_pieces_of_every_size() {
        let sized = b"POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nabcdeGET / HTTP/1.1\r\n\r\n";
        for size in 1..40 {
            let (words, content) = parts(CHUNKED, size, stated);
            assert_eq!(
                (words.as_str(), content.as_slice()),
                ("RDG_IN_DATA GET ", &b"abc0123456789"[..])
            );
            let (words, content) = parts(sized, size, stated);
            assert_eq!((words.as_str(), content.as_slice()), ("POST GET ", &b"abcde"[..]));
        }
    }

    #[test]
    fn what_is_none_is_said_once_and_nothing_grows() {
        assert_ne!(parts(b"\x05\x00 this is no HTTP\r\n\r\n", 7, stated).0, "");
        let broken = b"A / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabXX2\r\nab\r\n";
        assert_eq!(parts(broken, 3, stated).0, "A a chunk that does not end where it should");
        let endless = [&b"A / HTTP/1.1\r\n"[..], &b"x: y\r\n".repeat(20_000)].concat();
        let mut lane = Lane::new(true);
        let mut said = Vec::new();
        for piece in endless.chunks(1000) {
            lane.feed(piece);
            said.extend(std::iter::from_fn(|| lane.next()));
            assert!(lane.buffer.len() <= LONGEST_HEAD + 1000);
        }
        assert!(matches!(said.as_slice(), [Part::Broken(_)]), "{said:?}");
    }

    proptest! {
        #[test]
        fn hostile_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), size in 1_usize..50) {
            parts(&bytes, size, stated);
            let chunked = [&b"A / HTTP/1.1\r\n\r\n"[..], &bytes].concat();
            parts(&chunked, size, |_| Body::Chunked);
        }
    }
}
