//! A connection to an RD Gateway for who only listens (MS-TSGU 3.3.5.1): what passes inside its TLS
//! comes in, facts and the packets of tunnels come out. HTTP first; then a WebSocket, or packets in a
//! body without an end, those of the gateway and those of the client on one connection each.

mod http;
mod http2;
mod kdc_proxy;
pub(crate) mod sign_in;
mod tunnel;
mod websocket;

use std::collections::VecDeque;

use base64ct::{Base64, Encoding as _};
use rdpdoctor_model::{Awaited, Fact, GatewayTransport, Party};
use sha1::{Digest as _, Sha1};

use self::http::{Body, Head, Lane, Part};
use self::sign_in::Shown;
use self::websocket::{Frames, Piece};
use crate::credssp;
use crate::frame::Frame;
use crate::tsgu::{self, Packet};

pub use self::kdc_proxy::KdcProxyLeg;
pub use self::sign_in::{schemes, ticket_answer};
pub use self::tunnel::{GatewayTunnel, TunnelEvent};

/// The place of a gateway (MS-TSGU 3.3.4), in lower case.
const PATH: &str = "/remotedesktopgateway";

/// What RFC 6455 4.2.2 puts behind the client's key.
const WEBSOCKET_GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A first line that is longer is of no gateway.
const LONGEST_LINE: usize = 4096;

/// Requests that wait for their answers; a client of a gateway has one.
const MOST_ASKED: usize = 16;

/// What is kept of who a server says that it is, and of the words beside a status.
const LONGEST_SERVER: usize = 80;

/// Longest name of a tunnel, a GUID in braces, and of a host in a request.
const LONGEST_ID: usize = 64;
const LONGEST_HOST: usize = 256;

/// What a client's first bytes inside TLS ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// A tunnel of an RD Gateway.
    Gateway,
    /// RPC over HTTP, which old gateways and mail servers have in common.
    Rpc,
    /// The proxy of a key distribution centre (MS-KKDCP 2.2.2), with HTTP/1.1.
    KdcProxy,
    /// HTTP/2 (RFC 9113 3.4): the same or something else.
    Http2,
    /// A sign-in: the direct approach of Remote Desktop (MS-RDPBCGR 5.4.2.2).
    CredSsp,
    /// A connection, which a proxy is to make (RFC 9110 9.3.6).
    Proxy,
    /// Something else.
    Other,
}

/// What a client's first bytes ask for; `None` while that cannot be told.
pub fn opening(bytes: &[u8]) -> Option<Opening> {
    if bytes.first() == Some(&credssp::FIRST_BYTE) {
        let (request, _) = credssp::read(bytes, Party::Client)?;
        let whole = request.facts.iter().any(|fact| matches!(fact, Fact::TsRequest { .. }));
        return Some(if whole { Opening::CredSsp } else { Opening::Other });
    }
    let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") else {
        return (bytes.len() > LONGEST_LINE).then_some(Opening::Other);
    };
    let line = String::from_utf8_lossy(&bytes[..end]);
    let mut words = line.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if line == "PRI * HTTP/2.0" {
        return Some(Opening::Http2);
    }
    let path = path.to_ascii_lowercase();
    Some(match method {
        "RDG_OUT_DATA" | "RDG_IN_DATA" => Opening::Gateway,
        "GET" if path.starts_with(PATH) => Opening::Gateway,
        "RPC_OUT_DATA" | "RPC_IN_DATA" => Opening::Rpc,
        "CONNECT" => Opening::Proxy,
        _ if kdc_proxy::is_place(method, &path) => Opening::KdcProxy,
        _ => Opening::Other,
    })
}

/// What a connection to a gateway showed.
#[derive(Debug, PartialEq)]
pub enum LegEvent {
    /// Something seen.
    Fact(Fact),
    /// A transport was agreed: packets come from now on.
    Begun(GatewayTransport),
    /// A packet, or what is wrong with it.
    Packet(Party, Result<Packet, String>),
    /// The gateway closed the WebSocket.
    ClosedByGateway,
}

/// One connection to a gateway, inside its TLS.
pub struct GatewayLeg {
    client: Lane,
    server: Lane,
    asked: VecDeque<Asked>,
    sockets: Option<[Frames; 2]>,
    packets: [Option<Packets>; 2],
    /// A credential was shown on this connection.
    proved: bool,
    id: Option<String>,
    host: Option<String>,
    events: Vec<LegEvent>,
}

/// A request that was not answered yet.
struct Asked {
    transport: GatewayTransport,
    proves: bool,
    /// Its answer's body, or its own, has packets.
    out: bool,
    input: bool,
    key: Option<String>,
}

/// Packets of one direction in the making.
struct Packets {
    inbox: Vec<u8>,
    /// Bytes without a meaning come first (MS-TSGU 3.3.5.1).
    seed: bool,
    broken: bool,
}

impl Default for GatewayLeg {
    fn default() -> Self {
        Self::new()
    }
}

impl GatewayLeg {
    /// For a connection whose TLS is done.
    pub fn new() -> Self {
        Self {
            client: Lane::new(true),
            server: Lane::new(false),
            asked: VecDeque::new(),
            sockets: None,
            packets: [None, None],
            proved: false,
            id: None,
            host: None,
            events: Vec::new(),
        }
    }

    /// RDG-Connection-Id (MS-TSGU 2.2.3.2.1): what the connections of one tunnel have in common.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The gateway's name as the client knows it.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Bytes that wait for others: of heads and of packets.
    pub fn held(&self) -> usize {
        let packets = self.packets.iter().flatten().map(|packets| packets.inbox.len());
        self.client.held() + self.server.held() + packets.sum::<usize>()
    }

    /// Whether packets pass on it.
    pub fn carries(&self) -> bool {
        self.packets.iter().any(Option::is_some)
    }

    /// What the client waits for on this connection, as far as HTTP tells.
    pub fn awaited(&self) -> Awaited {
        if self.asked.is_empty() { Awaited::Nothing } else { Awaited::GatewayAnswer }
    }

    /// Whether an answer has begun and is not complete.
    pub fn has_unfinished_answer(&self) -> bool {
        self.server.is_within_head()
    }

    /// Takes bytes in and says what they show.
    pub fn feed(&mut self, from: Party, bytes: &[u8]) -> Vec<LegEvent> {
        if self.sockets.is_some() {
            self.frames(from, bytes);
        } else {
            let lane = self.lane(from);
            lane.feed(bytes);
            while let Some(part) = self.lane(from).next() {
                match (from, part) {
                    (Party::Client, Part::Head(head)) => self.request(&head),
                    (Party::Server, Part::Head(head)) => self.answer(&head),
                    (_, Part::Body(bytes)) => self.carried(from, &bytes),
                    (Party::Server, Part::Broken(problem)) => self.foreign(problem),
                    (Party::Client, Part::Broken(_)) => {}
                }
            }
        }
        std::mem::take(&mut self.events)
    }

    fn lane(&mut self, from: Party) -> &mut Lane {
        match from {
            Party::Client => &mut self.client,
            Party::Server => &mut self.server,
        }
    }

    fn request(&mut self, head: &Head) {
        let cut = |text: &str, most: usize| text.chars().take(most).collect::<String>();
        let own = |name: &str, most| head.field(name).map(|value| cut(value.trim(), most));
        self.id = own("rdg-connection-id", LONGEST_ID).or(self.id.take());
        self.host = own("host", LONGEST_HOST).or(self.host.take());
        let rpc = head.method.starts_with("RPC_");
        let transport = match head.wants_upgrade() {
            _ if rpc => GatewayTransport::Rpc,
            true => GatewayTransport::WebSocket,
            false => GatewayTransport::Http,
        };
        let shown = head.field("authorization").map_or(Shown::Nothing, sign_in::shown);
        if let Shown::Proof(Some(mechanism)) = shown
            && !self.proved
        {
            self.events.push(LegEvent::Fact(Fact::CredentialSent { mechanism }));
        }
        let proves = matches!(shown, Shown::Proof(_));
        self.proved |= proves;
        let body = head.body().unwrap_or(Body::Sized(0));
        let input = head.method == "RDG_IN_DATA" && body != Body::Sized(0);
        let out = matches!(head.method.as_str(), "RDG_OUT_DATA" | "GET");
        let key = own("sec-websocket-key", LONGEST_ID).filter(|_| head.wants_upgrade());
        if self.asked.len() < MOST_ASKED {
            self.asked.push_back(Asked { transport, proves, out, input, key });
        }
        if input && self.packets[0].is_none() {
            self.packets[0] = Some(Packets::new(false));
            self.events.push(LegEvent::Begun(GatewayTransport::Http));
        }
        self.client.expect(body);
    }

    fn answer(&mut self, head: &Head) {
        let provisional = (100..200).contains(&head.status) && head.status != 101;
        if provisional {
            return self.server.expect(Body::Sized(0));
        }
        let Some(asked) = self.asked.pop_front() else {
            return self.server.expect(head.body().unwrap_or(Body::Endless));
        };
        // The answer to a request without an end comes when all is over, and is asked by nobody.
        if !asked.input {
            let text = |value: &str| value.chars().take(LONGEST_SERVER).collect::<String>();
            let challenge = head.all("www-authenticate").find_map(sign_in::challenge);
            let fact = Fact::GatewayAnswer {
                transport: asked.transport,
                status: head.status,
                reason: Some(text(&head.reason)).filter(|reason| !reason.is_empty()),
                schemes: schemes(head.all("www-authenticate")),
                server: head.field("server").map(text),
                after_credentials: asked.proves,
            };
            self.events.push(LegEvent::Fact(fact));
            let answered = head.all("www-authenticate").find_map(ticket_answer);
            self.events.extend(challenge.into_iter().chain(answered).map(LegEvent::Fact));
        }
        let bodiless = matches!(head.status, 204 | 304);
        let body = if bodiless { Body::Sized(0) } else { head.body().unwrap_or(Body::Endless) };
        match (head.status, &asked.key) {
            (101, Some(key)) => return self.upgraded(head, key),
            (200, _) if asked.out => {
                self.packets[1] = Some(Packets::new(true));
                self.events.push(LegEvent::Begun(GatewayTransport::Http));
            }
            _ => {}
        }
        self.server.expect(body);
    }

    fn upgraded(&mut self, head: &Head, key: &str) {
        let expected = Sha1::new().chain_update(key).chain_update(WEBSOCKET_GUID).finalize();
        let (rest, _) = (self.server.take_rest(), self.client.take_rest());
        let given = head.field("sec-websocket-accept").map(str::trim);
        if given != Some(&*Base64::encode_string(&expected)) {
            let transport = GatewayTransport::WebSocket;
            let problem = "the answer to the upgrade is for another key".to_owned();
            let fact = Fact::GatewayTransportFailed { transport, problem };
            return self.events.push(LegEvent::Fact(fact));
        }
        self.sockets = Some([Frames::default(), Frames::default()]);
        self.packets = [Some(Packets::new(false)), Some(Packets::new(false))];
        self.events.push(LegEvent::Begun(GatewayTransport::WebSocket));
        self.frames(Party::Server, &rest);
    }

    fn frames(&mut self, from: Party, bytes: &[u8]) {
        let Some(sockets) = &mut self.sockets else { return };
        for piece in sockets[index(from)].feed(bytes) {
            match piece {
                Piece::Bytes(bytes) => self.carried(from, &bytes),
                Piece::Close if from == Party::Server => {
                    self.events.push(LegEvent::ClosedByGateway);
                }
                Piece::Close => {}
                Piece::Broken(problem) => self.events.push(LegEvent::Packet(from, Err(problem))),
            }
        }
    }

    /// Bytes of packets; those of other bodies are not kept.
    fn carried(&mut self, from: Party, bytes: &[u8]) {
        if let Some(packets) = &mut self.packets[index(from)] {
            let read = packets.feed(bytes).into_iter();
            self.events.extend(read.map(|packet| LegEvent::Packet(from, packet)));
        }
    }

    fn foreign(&mut self, problem: String) {
        self.asked.clear();
        let awaited = Awaited::GatewayAnswer;
        self.events.push(LegEvent::Fact(Fact::GatewayMalformed { awaited, problem }));
    }
}

impl Packets {
    fn new(seed: bool) -> Self {
        Self { inbox: Vec::new(), seed, broken: false }
    }

    fn feed(&mut self, bytes: &[u8]) -> Vec<Result<Packet, String>> {
        let mut read = Vec::new();
        if self.broken {
            return read;
        }
        self.inbox.extend_from_slice(bytes);
        if self.seed {
            let Some(length) = tsgu::behind_seed(&self.inbox) else { return read };
            self.inbox.drain(..length.min(self.inbox.len()));
            self.seed = false;
        }
        let mut taken = 0;
        loop {
            match tsgu::frame(&self.inbox[taken..]) {
                Frame::Whole(length) => {
                    read.push(Packet::read(&self.inbox[taken..taken + length]));
                    taken += length;
                }
                Frame::Broken(problem) => {
                    self.broken = true;
                    read.push(Err(problem));
                    taken = self.inbox.len();
                    break;
                }
                Frame::Incomplete => break,
            }
        }
        self.inbox.drain(..taken);
        read
    }
}

fn index(from: Party) -> usize {
    match from {
        Party::Client => 0,
        Party::Server => 1,
    }
}

#[cfg(test)]
mod tests;
