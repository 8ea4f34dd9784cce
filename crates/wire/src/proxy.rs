//! The dialog with a proxy that comes before a connection: HTTP CONNECT (RFC 9110 9.3.6) and SOCKS 5
//! (RFC 1928, RFC 1929), for who only listens. A password that passes is stepped over, never kept.

mod http;
mod socks;
#[cfg(test)]
mod tests;

use rdpdoctor_model::{Awaited, Fact, Hex, Mechanism, Party, ProxyReply, ProxyScheme};

pub use self::http::{ResponseHead, response_head};

/// No message of such a dialog is longer; a head with a token of Kerberos has some 20 KB.
const LONGEST: usize = 64 * 1024;

/// Answers of one connection that are told; a sign-in has three.
const MOST_REPLIES: usize = 16;

/// What a dialog showed.
#[derive(Debug, Clone, PartialEq)]
pub enum ProxyEvent {
    /// The proxy answered.
    Reply(ProxyReply),
    /// The client signs in; `shown` says whether that came to a proof.
    Credential {
        /// By what.
        mechanism: Mechanism,
        /// Whether it came to a proof.
        shown: bool,
    },
    /// What the proxy answers to a Kerberos ticket.
    TicketAnswer(Fact),
    /// The proxy made the connection: what follows passes inside, and is given back from now on.
    Opened,
    /// Bytes inside.
    Inside(Party, Vec<u8>),
}

/// What a client asked a proxy for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The name or address, in brackets where it is one of IPv6.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// One dialog.
pub struct ProxyDialog {
    kind: Kind,
    /// It passes inside TLS.
    in_tls: bool,
    /// Bytes that were not read yet.
    client: Vec<u8>,
    server: Vec<u8>,
    asked: Option<Asked>,
    awaited: Awaited,
    has_user: bool,
    /// The client began NTLM, and waits for the challenge.
    begins_ntlm: bool,
    replies: usize,
    events: Vec<ProxyEvent>,
}

enum Kind {
    Http(http::State),
    Socks {
        state: socks::State,
        resolves: bool,
    },
    /// What follows is the tunnel's.
    Open(ProxyScheme),
    /// Nothing more is read.
    Over(ProxyScheme),
}

/// What a step of a dialog comes to.
enum Step {
    /// Another one may follow at once.
    On,
    /// More bytes are needed.
    More,
    /// The proxy said no, or something that nobody understands.
    Over,
    /// The proxy said yes.
    Open,
}

impl ProxyDialog {
    /// The dialog that a client's first bytes begin; `None` while that cannot be told.
    pub fn begun(bytes: &[u8]) -> Option<Option<Self>> {
        let kind = match (socks::begins(bytes), http::begins(bytes)) {
            (Some(true), _) => Kind::Socks { state: socks::State::default(), resolves: true },
            (_, Some(true)) => Kind::Http(http::State::default()),
            (Some(false), Some(false)) => return Some(None),
            _ => return None,
        };
        Some(Some(Self::new(kind)))
    }

    /// The dialog inside TLS with a proxy that was asked for a connection there.
    pub fn in_tls() -> Self {
        Self { in_tls: true, ..Self::new(Kind::Http(http::State::default())) }
    }

    fn new(kind: Kind) -> Self {
        Self {
            kind,
            in_tls: false,
            client: Vec::new(),
            server: Vec::new(),
            asked: None,
            awaited: Awaited::Nothing,
            has_user: false,
            begins_ntlm: false,
            replies: 0,
            events: Vec::new(),
        }
    }

    /// The proxy's protocol. That names are resolved by a proxy of SOCKS shows in what it is asked for.
    pub fn scheme(&self) -> ProxyScheme {
        match &self.kind {
            Kind::Http(_) if self.in_tls => ProxyScheme::Https,
            Kind::Http(_) => ProxyScheme::Http,
            Kind::Socks { resolves: true, .. } => ProxyScheme::Socks5h,
            Kind::Socks { .. } => ProxyScheme::Socks5,
            Kind::Open(scheme) | Kind::Over(scheme) => *scheme,
        }
    }

    /// What the proxy was asked for.
    pub fn asked(&self) -> Option<&Asked> {
        self.asked.as_ref()
    }

    /// What the client waits for.
    pub fn awaited(&self) -> Awaited {
        self.awaited
    }

    /// Whether the client has a user to sign in with, as far as it shows that.
    pub fn has_user(&self) -> bool {
        self.has_user
    }

    /// Whether the connection was made.
    pub fn is_open(&self) -> bool {
        matches!(self.kind, Kind::Open(_))
    }

    /// Takes bytes in and says what they show.
    pub fn feed(&mut self, from: Party, bytes: &[u8]) -> Vec<ProxyEvent> {
        match &self.kind {
            Kind::Open(_) => return vec![ProxyEvent::Inside(from, bytes.to_vec())],
            Kind::Over(_) => return Vec::new(),
            Kind::Http(_) | Kind::Socks { .. } => {}
        }
        let buffer = if from == Party::Client { &mut self.client } else { &mut self.server };
        buffer.extend_from_slice(bytes);
        loop {
            match self.step() {
                Step::On => {}
                Step::More if self.client.len().max(self.server.len()) <= LONGEST => break,
                Step::More | Step::Over => {
                    self.over();
                    break;
                }
                Step::Open => {
                    self.open();
                    break;
                }
            }
        }
        std::mem::take(&mut self.events)
    }

    fn step(&mut self) -> Step {
        let mut kind = std::mem::replace(&mut self.kind, Kind::Over(ProxyScheme::Http));
        let step = match &mut kind {
            Kind::Http(state) => self.http(state),
            Kind::Socks { state, resolves } => self.socks(state, resolves),
            Kind::Open(_) | Kind::Over(_) => Step::Over,
        };
        self.kind = kind;
        step
    }

    fn over(&mut self) {
        self.awaited = Awaited::Nothing;
        self.kind = Kind::Over(self.scheme());
        (self.client, self.server) = (Vec::new(), Vec::new());
    }

    fn open(&mut self) {
        self.awaited = Awaited::Nothing;
        self.kind = Kind::Open(self.scheme());
        self.events.push(ProxyEvent::Opened);
        // Whoever does not wait for the answer has spoken already.
        for (from, rest) in [
            (Party::Client, std::mem::take(&mut self.client)),
            (Party::Server, std::mem::take(&mut self.server)),
        ] {
            if !rest.is_empty() {
                self.events.push(ProxyEvent::Inside(from, rest));
            }
        }
    }

    fn reply(&mut self, reply: ProxyReply) {
        self.replies += 1;
        if self.replies <= MOST_REPLIES {
            self.events.push(ProxyEvent::Reply(reply));
        }
    }

    /// What the proxy sent breaks the rules.
    fn malformed(&mut self, problem: impl Into<String>) -> Step {
        let bytes = Hex(self.server[..self.server.len().min(32)].to_vec());
        self.reply(ProxyReply::Malformed { problem: problem.into(), bytes });
        Step::Over
    }
}

/// Takes so many bytes away from the front.
fn take(buffer: &mut Vec<u8>, count: usize) {
    buffer.drain(..count.min(buffer.len()));
}
