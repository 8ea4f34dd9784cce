//! A connection of HTTP/2 (RFC 9113) for who only listens: which requests ask for one place, and the
//! bodies of those and of their answers.
//!
//! `loona-hpack` reads the fields; the libraries around the frames (`h2`, `loona`) are an end of the
//! connection and cannot listen.

use std::collections::BTreeMap;

use loona_hpack::Decoder;
use rdpdoctor_model::Party;

/// What a client begins with (RFC 9113 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Longest frame that is read, and longest block of fields; without a word about it a frame has 16 KiB
/// at most.
const LONGEST_FRAME: usize = 128 * 1024;
const LONGEST_BLOCK: usize = 64 * 1024;

/// Most bytes of the fields that both ends remember (RFC 7541 4.2); 4 KiB unless somebody asks for more.
const LARGEST_TABLE: usize = 64 * 1024;

/// Most bytes that wait before the first request: settings come, and its fields.
const MOST_BEFORE: usize = 16 * 1024;

/// Requests that wait for their answers, and bytes of their bodies.
const MOST_STREAMS: usize = 32;
const MOST_HELD: usize = 512 * 1024;

/// Most bytes of fields that are read of one direction: they cost more time than they have bytes, and
/// whoever asks for tickets sends a few hundred.
const MOST_FIELDS: usize = 256 * 1024;

/// Longest value of a field that is kept.
const LONGEST_VALUE: usize = 4096;

/// The head of a frame.
const HEAD: usize = 9;

/// Kinds of frames (RFC 9113 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const PUSH_PROMISE: u8 = 5;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// Whether a request's path is the one in question.
pub(super) type Wanted = fn(method: &str, path: &str) -> bool;

/// A request and its answer, both whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Exchange {
    pub(super) request: Vec<u8>,
    pub(super) answer: Vec<u8>,
    pub(super) status: u16,
}

/// Both directions of one connection.
pub(super) struct Listener {
    wanted: Wanted,
    lanes: [Lane; 2],
    /// Requests for the place in question.
    streams: BTreeMap<u32, Stream>,
    /// Whether the first request asked for that place.
    first: Option<bool>,
    /// Nothing can be understood any more: both ends remember fields that nobody here knows.
    broken: bool,
}

/// A request that was not answered yet.
#[derive(Default)]
struct Stream {
    request: Vec<u8>,
    answer: Vec<u8>,
    status: u16,
}

/// One direction.
struct Lane {
    inbox: Vec<u8>,
    preface: &'static [u8],
    fields: Decoder<'static>,
    fields_read: usize,
    /// A block of fields that is continued.
    block: Option<Block>,
}

struct Block {
    stream: u32,
    ends_stream: bool,
    promised: bool,
    bytes: Vec<u8>,
}

/// The fields that matter.
#[derive(Default)]
struct Fields {
    method: String,
    path: String,
    status: Option<u16>,
}

/// A frame without its head.
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    content: Vec<u8>,
}

impl Listener {
    /// For a connection whose requests for some place are of interest.
    pub(super) fn new(wanted: Wanted) -> Self {
        Self {
            wanted,
            lanes: [Lane::new(PREFACE), Lane::new(b"")],
            streams: BTreeMap::new(),
            first: None,
            broken: false,
        }
    }

    /// Whether the first request asked for the place; `None` while there is none, and `false` for what
    /// is no HTTP/2.
    pub(super) fn first(&self) -> Option<bool> {
        if self.broken { Some(self.first.unwrap_or(false)) } else { self.first }
    }

    /// Bytes that wait for others: of frames, of fields, and of bodies.
    pub(super) fn held(&self) -> usize {
        self.lanes.iter().map(Lane::held).sum::<usize>() + self.bodies()
    }

    fn bodies(&self) -> usize {
        self.streams.values().map(|own| own.request.len() + own.answer.len()).sum()
    }

    /// Takes bytes in; what is whole by now.
    pub(super) fn feed(&mut self, from: Party, bytes: &[u8]) -> Vec<Exchange> {
        let mut whole = Vec::new();
        if self.broken {
            return whole;
        }
        let lane = usize::from(from == Party::Server);
        self.lanes[lane].inbox.extend_from_slice(bytes);
        loop {
            match self.lanes[lane].next() {
                Ok(Some(frame)) => match self.frame(from, frame) {
                    Ok(exchange) => whole.extend(exchange),
                    Err(Broken) => break,
                },
                Ok(None) if self.first.is_none() && self.lanes[lane].held() > MOST_BEFORE => break,
                Ok(None) => return whole,
                Err(Broken) => break,
            }
        }
        self.broken = true;
        self.streams.clear();
        self.lanes = [Lane::new(b""), Lane::new(b"")];
        whole
    }

    fn frame(&mut self, from: Party, frame: Frame) -> Result<Option<Exchange>, Broken> {
        let lane = &mut self.lanes[usize::from(from == Party::Server)];
        // Nothing comes between a block and what continues it (RFC 9113 6.10).
        if lane.block.is_some() != (frame.kind == CONTINUATION) {
            return Err(Broken);
        }
        match frame.kind {
            HEADERS | PUSH_PROMISE | CONTINUATION => {
                let Some(block) = lane.block(frame)? else { return Ok(None) };
                let fields = lane.read(&block.bytes)?;
                if block.promised {
                    return Ok(None);
                }
                self.fields(from, block.stream, fields);
                Ok(if block.ends_stream { self.ended(from, block.stream) } else { None })
            }
            DATA => {
                let content = unpadded(&frame)?;
                self.data(from, frame.stream, content);
                let ends = frame.flags & END_STREAM != 0;
                Ok(if ends { self.ended(from, frame.stream) } else { None })
            }
            RST_STREAM => {
                self.streams.remove(&frame.stream);
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn fields(&mut self, from: Party, stream: u32, fields: Fields) {
        match from {
            Party::Client if !fields.method.is_empty() => {
                let wanted = (self.wanted)(&fields.method, &fields.path);
                self.first.get_or_insert(wanted);
                if wanted && self.streams.len() < MOST_STREAMS {
                    self.streams.insert(stream, Stream::default());
                }
            }
            Party::Client => {}
            Party::Server => {
                if let (Some(own), Some(status)) = (self.streams.get_mut(&stream), fields.status) {
                    own.status = status;
                }
            }
        }
    }

    fn data(&mut self, from: Party, stream: u32, content: &[u8]) {
        let held = self.bodies();
        let Some(own) = self.streams.get_mut(&stream) else { return };
        if held + content.len() > MOST_HELD {
            self.streams.remove(&stream);
            return;
        }
        let body = if from == Party::Client { &mut own.request } else { &mut own.answer };
        body.extend_from_slice(content);
    }

    /// One direction of a stream is over; with the answer the stream is.
    fn ended(&mut self, from: Party, stream: u32) -> Option<Exchange> {
        if from == Party::Client {
            return None;
        }
        let Stream { request, answer, status } = self.streams.remove(&stream)?;
        Some(Exchange { request, answer, status })
    }
}

/// What was read is no HTTP/2, or more than anybody here keeps.
#[derive(Debug)]
struct Broken;

impl Lane {
    fn new(preface: &'static [u8]) -> Self {
        let mut fields = Decoder::new();
        fields.set_max_allowed_table_size(LARGEST_TABLE);
        Self { inbox: Vec::new(), preface, fields, fields_read: 0, block: None }
    }

    /// Bytes that wait for others.
    fn held(&self) -> usize {
        self.inbox.len() + self.block.as_ref().map_or(0, |block| block.bytes.len())
    }

    /// The next frame, once it is whole.
    fn next(&mut self) -> Result<Option<Frame>, Broken> {
        if !self.preface.is_empty() {
            let there = self.inbox.len().min(self.preface.len());
            if self.inbox[..there] != self.preface[..there] {
                return Err(Broken);
            }
            if there < self.preface.len() {
                return Ok(None);
            }
            self.inbox.drain(..there);
            self.preface = b"";
        }
        let Some(&[a, b, c, kind, flags, s1, s2, s3, s4]) = self.inbox.first_chunk::<HEAD>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).map_err(|_| Broken)?;
        if length > LONGEST_FRAME {
            return Err(Broken);
        }
        if self.inbox.len() < HEAD + length {
            return Ok(None);
        }
        let content = self.inbox[HEAD..HEAD + length].to_vec();
        self.inbox.drain(..HEAD + length);
        let stream = u32::from_be_bytes([s1 & 0x7F, s2, s3, s4]);
        Ok(Some(Frame { kind, flags, stream, content }))
    }

    /// The block of fields that is whole with this frame.
    fn block(&mut self, frame: Frame) -> Result<Option<Block>, Broken> {
        let mut block = match self.block.take() {
            Some(mut block) if block.stream == frame.stream => {
                block.bytes.extend_from_slice(&frame.content);
                block
            }
            Some(_) => return Err(Broken),
            None => begun(&frame)?,
        };
        if block.bytes.len() > LONGEST_BLOCK {
            return Err(Broken);
        }
        if frame.flags & END_HEADERS != 0 {
            return Ok(Some(Block { bytes: std::mem::take(&mut block.bytes), ..block }));
        }
        self.block = Some(block);
        Ok(None)
    }

    fn read(&mut self, block: &[u8]) -> Result<Fields, Broken> {
        self.fields_read += block.len();
        if self.fields_read > MOST_FIELDS {
            return Err(Broken);
        }
        let mut fields = Fields::default();
        let text = |value: &[u8]| {
            String::from_utf8_lossy(value.get(..LONGEST_VALUE).unwrap_or(value)).into_owned()
        };
        let read = self.fields.decode_with_cb(block, |name, value| match &*name {
            b":method" => fields.method = text(&value),
            b":path" => fields.path = text(&value),
            b":status" => fields.status = text(&value).parse().ok(),
            _ => {}
        });
        read.map_err(|_| Broken)?;
        Ok(fields)
    }
}

/// The beginning of a block of fields (RFC 9113 6.2, 6.6).
fn begun(frame: &Frame) -> Result<Block, Broken> {
    let promised = frame.kind == PUSH_PROMISE;
    let before = match frame.kind {
        HEADERS if frame.flags & PRIORITY != 0 => 5,
        PUSH_PROMISE => 4,
        _ => 0,
    };
    let bytes = unpadded(frame)?.get(before..).ok_or(Broken)?.to_vec();
    let ends_stream = !promised && frame.flags & END_STREAM != 0;
    Ok(Block { stream: frame.stream, ends_stream, promised, bytes })
}

/// The content without its padding, whose length stands first.
fn unpadded(frame: &Frame) -> Result<&[u8], Broken> {
    if frame.flags & PADDED == 0 {
        return Ok(&frame.content);
    }
    let (&padding, rest) = frame.content.split_first().ok_or(Broken)?;
    let length = rest.len().checked_sub(usize::from(padding)).ok_or(Broken)?;
    Ok(&rest[..length])
}

#[cfg(test)]
mod tests {
    use loona_hpack::Encoder;
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap_or(0).to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), content].concat()
    }

    fn block(encoder: &mut Encoder<'_>, fields: &[(&str, &str)]) -> Vec<u8> {
        let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        encoder.encode(fields)
    }

    const SETTINGS: u8 = 4;

    fn place(method: &str, path: &str) -> bool {
        method == "POST" && path == "/here"
    }

    /// A client that asks twice for the place and once for another one, and the answers in another order.
    fn talk() -> (Vec<u8>, Vec<u8>) {
        let (mut of_client, mut of_server) = (Encoder::new(), Encoder::new());
        let mut client = PREFACE.to_vec();
        client.extend(frame(SETTINGS, 0, 0, &[]));
        for (stream, path) in [(1, "/here"), (3, "/there"), (5, "/here")] {
            let fields = block(&mut of_client, &[(":method", "POST"), (":path", path), ("a", "b")]);
            // In two pieces, the first one padded and with a priority.
            let (first, second) = fields.split_at(fields.len() / 2);
            let padded = [&[2][..], &[0; 5], first, &[0; 2]].concat();
            client.extend(frame(HEADERS, PADDED | PRIORITY, stream, &padded));
            client.extend(frame(CONTINUATION, END_HEADERS, stream, second));
            let body = format!("request {stream}");
            client.extend(frame(DATA, END_STREAM, stream, body.as_bytes()));
        }
        let mut server = frame(SETTINGS, 0, 0, &[]);
        for (stream, status) in [(3, "200"), (5, "200"), (1, "503")] {
            let fields = block(&mut of_server, &[(":status", status), ("server", "x")]);
            server.extend(frame(HEADERS, END_HEADERS, stream, &fields));
            server.extend(frame(DATA, 0, stream, b"answer "));
            let padded = [&[1], stream.to_string().as_bytes(), &[9]].concat();
            server.extend(frame(DATA, PADDED | END_STREAM, stream, &padded));
        }
        (client, server)
    }

    fn heard(client: &[u8], server: &[u8], size: usize) -> (Listener, Vec<String>) {
        let mut listener = Listener::new(place);
        let mut all = Vec::new();
        for (from, bytes) in [(Party::Client, client), (Party::Server, server)] {
            for piece in bytes.chunks(size) {
                all.extend(listener.feed(from, piece));
            }
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = |e: &Exchange| format!("{} {} {}", e.status, text(&e.request), text(&e.answer));
        let said = all.iter().map(said).collect();
        (listener, said)
    }

    #[test]
    fn requests_for_the_place_with_their_answers() {
        let (client, server) = talk();
        for size in [1, 2, 8, 9, 10, 33, 5000] {
            let (listener, said) = heard(&client, &server, size);
            assert_eq!(said, ["200 request 5 answer 5", "503 request 1 answer 1"], "{size}");
            assert_eq!(listener.first(), Some(true));
        }
    }

    #[test]
    fn the_first_request_tells_what_the_connection_is_for() {
        let (client, _) = talk();
        let mut listener = Listener::new(place);
        assert_eq!(listener.first(), None);
        listener.feed(Party::Client, &client[..PREFACE.len() + 20]);
        assert_eq!(listener.first(), None, "half a request");
        let mut elsewhere = Listener::new(|_, _| false);
        elsewhere.feed(Party::Client, &client);
        assert_eq!(elsewhere.first(), Some(false));
        let mut none = Listener::new(place);
        none.feed(Party::Client, b"GET / HTTP/1.1\r\n\r\n");
        assert_eq!(none.first(), Some(false));
    }

    #[test]
    fn before_the_first_request_little_is_kept() {
        let mut listener = Listener::new(place);
        listener.feed(Party::Client, PREFACE);
        let long = frame(DATA, 0, 1, &vec![0; MOST_BEFORE]);
        listener.feed(Party::Server, &long[..MOST_BEFORE]);
        assert_eq!(listener.first(), None);
        listener.feed(Party::Server, &long[MOST_BEFORE..MOST_BEFORE + 1]);
        assert_eq!(listener.first(), Some(false));
    }

    #[test]
    fn what_is_too_much_is_given_up() {
        let (client, _) = talk();
        let mut listener = Listener::new(place);
        listener.feed(Party::Client, &client);
        listener.feed(Party::Server, &[0xFF; 4]);
        assert!(listener.feed(Party::Server, &[0; 40]).is_empty());
        assert!(listener.broken && listener.streams.is_empty());
        // A body without an end is not kept.
        let mut encoder = Encoder::new();
        let fields = block(&mut encoder, &[(":method", "POST"), (":path", "/here")]);
        let mut long = [PREFACE, &frame(HEADERS, END_HEADERS, 1, &fields)].concat();
        for _ in 0..100 {
            long.extend(frame(DATA, 0, 1, &[b'x'; 16_000]));
        }
        let mut listener = Listener::new(place);
        listener.feed(Party::Client, &long);
        assert!(!listener.broken && listener.streams.is_empty());
    }

    #[test]
    fn a_block_that_something_else_interrupts_is_none() {
        let mut encoder = Encoder::new();
        let fields = block(&mut encoder, &[(":method", "POST"), (":path", "/here")]);
        let broken = [PREFACE, &frame(HEADERS, 0, 1, &fields), &frame(DATA, 0, 1, b"x")].concat();
        assert!(heard(&broken, b"", 7).0.broken);
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400), size in 1_usize..60) {
            heard(&[PREFACE, &bytes].concat(), &bytes, size);
            heard(&bytes, b"", size);
            let fields = frame(HEADERS, END_HEADERS, 1, &bytes);
            heard(&[PREFACE, &fields].concat(), &frame(HEADERS, END_HEADERS, 1, &bytes), size);
        }
    }
}
