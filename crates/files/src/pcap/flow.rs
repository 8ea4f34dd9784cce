//! One TCP connection: how it was made, what passed, who ended it.

use std::net::SocketAddr;

use rdpdoctor_model::{Awaited, ConnectFailure, DEFAULT_PORT, Icmp, Lookup, Party};
use rdpdoctor_wire::gateway::{GatewayLeg, LegEvent};
use rdpdoctor_wire::proxy::ProxyDialog;
use rdpdoctor_wire::tls_decrypt::KeyLog;

use super::begins;
use super::beside::KerberosStream;
use super::carried::Carried;
use super::connection::{Connect, Connection, Role};
use super::conversation::{Conversation, End};
use super::gateway::Key;
use super::heads::Heads;
use super::ip::{Segment, Unreachable};
use super::proxy::{self, Finished, Proxied};
use super::side::{Moment, Piece};
use super::sides::Sides;

/// Bytes that are kept until the client's first ones tell what a connection is.
const MOST_UNDECIDED: usize = 8 * 1024;

/// Kerberos (RFC 4120 7.2.3).
const KERBEROS_PORT: u16 = 88;

/// A SYN that was not answered for so long was not answered.
const SILENCE_NANOS: i64 = 900_000_000;

/// How long a client waits for an answer to its last SYN at most; Windows gives up after 21 s.
const PATIENCE_NANOS: i64 = 21_000_000_000;

/// So long an end that was seen may be repeated: 2 MSL (RFC 9293 3.4.1).
const LINGER_NANOS: i64 = 240_000_000_000;

/// A connection that is silent for so long is ended where others need its place; RDP keeps its own
/// alive within minutes.
const IDLE_NANOS: i64 = 1_800_000_000_000;

/// One connection.
pub(super) struct Flow {
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
    first: Moment,
    last: Moment,
    syns: Vec<Moment>,
    answered: Option<Moment>,
    refusal: Option<Refusal>,
    sides: Sides,
    content: Content,
    heads: Heads,
    closed: Option<(End, Moment)>,
}

/// A SYN that came to nothing.
struct Refusal {
    failure: ConnectFailure,
    icmp: Lookup<Icmp>,
    at: Moment,
}

/// What passes on it.
enum Content {
    /// Too little has passed.
    Undecided(Vec<(Party, Moment, Vec<u8>)>),
    /// Remote Desktop, or what came when that was asked for.
    Rdp(Box<Conversation>),
    /// TLS from the first byte, perhaps to a gateway.
    Tls(Box<Conversation>),
    /// A key distribution centre.
    Kerberos(KerberosStream),
    /// A proxy, and what passes through it.
    Proxy(Box<Proxied>),
    /// Something else, of which nothing is kept.
    Other,
}

impl Flow {
    /// A connection whose first packet this is; `None` when it says nothing about one.
    pub(super) fn begin(
        at: Moment,
        segment: &Segment<'_>,
        is_known: impl Fn(SocketAddr) -> bool,
    ) -> Option<Self> {
        if segment.rst && segment.payload.is_empty() {
            return None;
        }
        let by_client = match (segment.syn, segment.acknowledged) {
            (true, None) => true,
            (true, Some(_)) => false,
            _ => sent_by_client(segment),
        };
        let (client, server) =
            if by_client { (segment.from, segment.to) } else { (segment.to, segment.from) };
        let rdp = || match segment.syn {
            true => Conversation::new(),
            false => Conversation::perhaps_midway(),
        };
        let content = match server.port() {
            // What a client says on a connection of its own to the same server is its business.
            _ if is_known(server) => Content::Rdp(Box::new(rdp())),
            DEFAULT_PORT => Content::Rdp(Box::new(rdp())),
            KERBEROS_PORT => Content::Kerberos(KerberosStream::default()),
            _ => Content::Undecided(Vec::new()),
        };
        Some(Self {
            client,
            server,
            first: at,
            last: at,
            syns: Vec::new(),
            answered: None,
            refusal: None,
            sides: Sides::default(),
            content,
            heads: Heads::default(),
            closed: None,
        })
    }

    /// Whether this segment begins another connection between the same ports.
    pub(super) fn is_followed_by(&self, segment: &Segment<'_>) -> bool {
        let opens = segment.syn && segment.acknowledged.is_none();
        let over = self.closed.is_some() || self.refusal.is_some();
        opens
            && (over || self.answered.is_some())
            && segment.from == self.client
            && !self.sides.began_with(segment.sequence)
    }

    /// Whether nothing that matters passes on it any more.
    pub(super) fn is_other(&self) -> bool {
        matches!(self.content, Content::Other)
    }

    /// Whether it came about and something passed that has nothing to do with Remote Desktop.
    pub(super) fn is_of_others(&self) -> bool {
        let spoke = self.answered.is_some() || self.syns.is_empty();
        spoke && matches!(self.content, Content::Other | Content::Undecided(_))
    }

    /// Whether nothing more is to be expected of it.
    pub(super) fn is_over(&self, now: Moment) -> bool {
        let silent = now.nanos.saturating_sub(self.last.nanos);
        let patience = match (self.closed, self.answered) {
            (Some(_), _) => LINGER_NANOS,
            (None, None) => 2 * PATIENCE_NANOS,
            (None, Some(_)) => IDLE_NANOS,
        };
        silent > patience
    }

    /// Whether it is known to be Remote Desktop, or may become it in a proxy's tunnel.
    pub(super) fn is_rdp(&self) -> bool {
        matches!(self.content, Content::Rdp(_) | Content::Proxy(_))
    }

    /// Whether its server itself was asked for Remote Desktop.
    pub(super) fn is_to_host(&self) -> bool {
        matches!(self.content, Content::Rdp(_))
    }

    /// Whether it is TLS of which nobody knows yet what it is for.
    pub(super) fn is_sealed(&self) -> bool {
        self.carried().is_some_and(Carried::is_undecided)
    }

    /// The connection to a gateway, where it is one.
    pub(super) fn leg(&self) -> Option<&GatewayLeg> {
        self.carried().and_then(Carried::leg)
    }

    fn carried(&self) -> Option<&Carried> {
        self.tls().and_then(Conversation::carried)
    }

    /// TLS from the first byte that may lead to a gateway, straight or in a proxy's tunnel.
    fn tls(&self) -> Option<&Conversation> {
        match &self.content {
            Content::Tls(conversation) => Some(conversation),
            Content::Proxy(proxied) => proxied.tls(),
            _ => None,
        }
    }

    fn tls_mut(&mut self) -> Option<&mut Conversation> {
        match &mut self.content {
            Content::Tls(conversation) => Some(conversation),
            Content::Proxy(proxied) => proxied.tls_mut(),
            _ => None,
        }
    }

    /// Whose tunnel it carries, where it is a gateway's.
    pub(super) fn tunnel(&self) -> Option<Key> {
        let id = self.leg()?.id().map_or_else(|| self.client.to_string(), str::to_owned);
        Some((self.client.ip(), self.server, id))
    }

    /// Whether bytes of it are missing.
    pub(super) fn is_torn(&self) -> bool {
        self.tls().is_some_and(|conversation| conversation.unread.is_some())
    }

    /// What a gateway's connection showed for its tunnel since the last call.
    pub(super) fn take_said(&mut self) -> Vec<(Moment, LegEvent)> {
        self.tls_mut().map(Conversation::take_said).unwrap_or_default()
    }

    /// What the client of its tunnel waits for, and since when.
    pub(super) fn tunnel_awaits(&mut self, awaited: Awaited, asked: Option<Moment>) {
        if let Some(conversation) = self.tls_mut() {
            conversation.tunnel_awaits(awaited, asked);
        }
    }

    /// Nothing more of it is looked at.
    pub(super) fn pass_over(&mut self) {
        self.content = Content::Other;
    }

    /// The frame in which it was first seen.
    pub(super) fn begun_in_frame(&self) -> u64 {
        self.first.frame
    }

    /// Takes a segment in.
    pub(super) fn segment(&mut self, at: Moment, segment: &Segment<'_>, secrets: &KeyLog) {
        self.last = at;
        let from = if segment.from == self.client { Party::Client } else { Party::Server };
        self.handshake(at, from, segment);
        if from == Party::Server && self.closed.is_none() {
            self.heads.segment(segment);
        }
        if self.is_other() {
            self.close(at, from, segment);
            return;
        }
        let (own, behind) = self.sides.segment(at, from, segment);
        for piece in own {
            self.piece(from, piece, secrets);
        }
        for (from, piece) in behind {
            self.piece(from, piece, secrets);
        }
        self.close(at, from, segment);
    }

    /// Bytes that are kept because they cannot be read yet.
    pub(super) fn held(&self) -> usize {
        self.sides.held() + self.kept()
    }

    /// Those that are in order, and not enough of something. Of Remote Desktop itself there are so few
    /// that their number bounds them.
    fn kept(&self) -> usize {
        match &self.content {
            Content::Undecided(kept) => kept.iter().map(|(_, _, bytes)| bytes.len()).sum(),
            Content::Kerberos(stream) => stream.held(),
            Content::Tls(conversation) => conversation.held(),
            Content::Rdp(_) | Content::Proxy(_) | Content::Other => 0,
        }
    }

    /// Gives up what is held, and says whether nothing more of it is looked at.
    pub(super) fn relieve(&mut self, secrets: &KeyLog) -> bool {
        for (from, piece) in self.sides.give_up(self.last) {
            self.piece(from, piece, secrets);
        }
        let keeps = self.kept() > 0;
        if keeps {
            self.pass_over();
        }
        keeps
    }

    /// A router or the host itself says that the SYN cannot be delivered.
    pub(super) fn unreachable(&mut self, at: Moment, message: &Unreachable) {
        self.last = at;
        if self.answered.is_some() || self.refusal.is_some() {
            return;
        }
        let icmp = Icmp {
            ip_version: message.ip_version,
            kind: message.kind,
            code: message.code,
            from: Some(message.by),
        };
        let failure = by_icmp(message);
        self.refusal = Some(Refusal { failure, icmp: Lookup::seen(icmp), at });
    }

    /// What became of it; `None` for what is neither Remote Desktop nor failed to become it.
    pub(super) fn finish(mut self, until: Moment, secrets: &KeyLog) -> Option<Connection> {
        for (from, piece) in self.sides.finish(self.last) {
            self.piece(from, piece, secrets);
        }
        let connect = self.connect(until);
        let (end, at) = self.closed.unwrap_or((End::Open, until));
        let repeated = self.sides.repeated();
        let mut role = self.role();
        let mut inside = None;
        let (events, unread, sealed_records, sealed_turns) = match self.content {
            // It stands on the host of a gateway as a rule, and is none of its connections.
            Content::Tls(conversation) if conversation.carried().is_some_and(Carried::is_kdc) => {
                return None;
            }
            Content::Rdp(mut conversation) | Content::Tls(mut conversation) => {
                if matches!(connect, Connect::Made { .. }) {
                    conversation.end(end, at);
                }
                let sealed = conversation.sealed_records();
                let turns = conversation.sealed_turns();
                (conversation.events, conversation.unread, sealed, turns)
            }
            Content::Proxy(proxied) if matches!(connect, Connect::Made { .. }) => {
                let ends = (self.client, self.server);
                let Finished { dialog, events, tunnel } = proxied.finish(end, at)?;
                let span = (self.last, end, at);
                inside = tunnel.map(|tunnel| Box::new(proxy::inner(tunnel, ends, span)));
                role = Role::Proxy(Box::new(dialog));
                (events, None, [0; 2], 0)
            }
            // Nobody said what it was to be.
            Content::Undecided(_) if matches!(connect, Connect::Failed { .. }) => {
                (Vec::new(), None, [0; 2], 0)
            }
            _ => return None,
        };
        Some(Connection {
            role,
            client: self.client,
            server: self.server,
            first: self.first,
            last: self.last,
            connect,
            end,
            closed: at,
            events,
            unread,
            sealed_records,
            sealed_turns,
            repeated,
            heads: self.heads.fact(),
            inside,
        })
    }

    fn role(&self) -> Role {
        let Content::Tls(conversation) = &self.content else { return Role::Host };
        conversation
            .carried()
            .map_or(Role::PerhapsLeg { by: None }, |carried| Role::of_tls(carried, None))
    }

    /// Errors of a key distribution centre that passed on it.
    pub(super) fn kerberos(&mut self) -> Option<&mut KerberosStream> {
        match &mut self.content {
            Content::Kerberos(stream) => Some(stream),
            Content::Tls(conversation) => conversation.kerberos(),
            Content::Proxy(proxied) => proxied.tls_mut().and_then(Conversation::kerberos),
            _ => None,
        }
    }

    fn handshake(&mut self, at: Moment, from: Party, segment: &Segment<'_>) {
        match (from, segment.syn) {
            (Party::Client, true) if self.answered.is_none() => self.syns.push(at),
            (Party::Server, true) => {
                self.answered.get_or_insert(at);
            }
            // Data or an acknowledgment: it is connected, seen or not.
            (_, false) if !segment.rst => {
                self.answered.get_or_insert(at);
            }
            _ => {}
        }
        // Clients repeat a SYN a handful of times.
        self.syns.truncate(16);
    }

    fn close(&mut self, at: Moment, from: Party, segment: &Segment<'_>) {
        if segment.rst && from == Party::Server && self.answered.is_none() {
            let icmp = Lookup::Absent;
            let failure = ConnectFailure::Refused;
            self.refusal.get_or_insert(Refusal { failure, icmp, at });
        }
        let end = match (from, segment.rst, segment.fin) {
            (Party::Client, true, _) | (Party::Client, _, true) => End::Client,
            (Party::Server, true, _) => End::ServerReset,
            (Party::Server, _, true) => End::ServerFin,
            _ => return,
        };
        self.closed.get_or_insert((end, at));
    }

    fn piece(&mut self, from: Party, piece: Piece<'_>, secrets: &KeyLog) {
        match (&mut self.content, piece) {
            (Content::Rdp(conversation), Piece::Bytes(at, bytes)) => {
                conversation.bytes(from, &bytes, at, secrets);
            }
            (Content::Tls(conversation), Piece::Bytes(at, bytes)) => {
                conversation.bytes(from, &bytes, at, secrets);
                self.look_inside(secrets);
            }
            (Content::Rdp(conversation) | Content::Tls(conversation), Piece::Hole(..)) => {
                conversation.hole();
            }
            (Content::Proxy(proxied), piece) => {
                match piece {
                    Piece::Bytes(at, bytes) => proxied.bytes(from, &bytes, at, secrets),
                    Piece::Hole(..) => proxied.hole(),
                }
                if proxied.is_other() {
                    self.content = Content::Other;
                }
            }
            (Content::Kerberos(stream), Piece::Bytes(at, bytes)) => stream.bytes(from, &bytes, at),
            (Content::Kerberos(_) | Content::Undecided(_), Piece::Hole(..)) => {
                self.content = Content::Other;
            }
            (Content::Undecided(kept), Piece::Bytes(at, bytes)) => {
                kept.push((from, at, bytes.into_owned()));
                self.decide(secrets);
            }
            (Content::Other, _) => {}
        }
    }

    /// What TLS that began with the first byte turned out to be.
    fn look_inside(&mut self, secrets: &KeyLog) {
        let Content::Tls(conversation) = &self.content else { return };
        let is_proxy = conversation.carried().is_some_and(Carried::is_proxy);
        let other = conversation.carried().is_some_and(Carried::is_other);
        // Without its secrets nobody can say what it is for.
        let sealed = conversation.unread.is_some() && !conversation.is_of_gateway();
        if !conversation.is_direct() && !is_proxy && !other && !sealed {
            return;
        }
        let content = std::mem::replace(&mut self.content, Content::Other);
        let Content::Tls(conversation) = content else { return };
        if conversation.is_direct() {
            self.content = Content::Rdp(conversation);
        } else if is_proxy {
            self.content = Content::Proxy(Box::new(Proxied::in_tls(*conversation, secrets)));
        }
    }

    /// Whether the client's first bytes are an X.224 Connection Request in TPKT (RFC 1006 6, ITU-T
    /// X.224 13.3), a handshake of TLS, or a word to a proxy, on whatever port.
    fn decide(&mut self, secrets: &KeyLog) {
        let Content::Undecided(kept) = &mut self.content else { return };
        let own = kept.iter().filter(|(from, ..)| *from == Party::Client);
        let head: Vec<u8> = own.flat_map(|(_, _, bytes)| bytes).copied().collect();
        let total: usize = kept.iter().map(|(_, _, bytes)| bytes.len()).sum();
        match ProxyDialog::begun(&head) {
            Some(Some(dialog)) => {
                let mut proxied = Box::new(Proxied::new(dialog));
                for (from, at, bytes) in std::mem::take(kept) {
                    proxied.bytes(from, &bytes, at, secrets);
                }
                self.content = Content::Proxy(proxied);
                return;
            }
            None if !head.is_empty() && total <= MOST_UNDECIDED => return,
            _ => {}
        }
        let (request, hello) = (begins::as_request(&head), begins::as_hello(&head));
        if (request, hello) == (Some(false), Some(false)) || total > MOST_UNDECIDED {
            self.content = Content::Other;
        } else if request == Some(true) || hello == Some(true) {
            let is_request = request == Some(true);
            let kept = std::mem::take(kept);
            let conversation =
                if is_request { Conversation::new() } else { Conversation::of_tls() };
            let mut conversation = Box::new(conversation);
            for (from, at, bytes) in kept {
                conversation.bytes(from, &bytes, at, secrets);
            }
            self.content = match is_request {
                true => Content::Rdp(conversation),
                false => Content::Tls(conversation),
            };
        }
    }

    fn connect(&self, until: Moment) -> Connect {
        if let Some(answered) = self.answered {
            // The SYN that was answered is the last one before the answer.
            let syn = self.syns.iter().rfind(|syn| syn.nanos <= answered.nanos);
            let round_trip_ms = syn.map(|syn| answered.ms() - syn.ms());
            return Connect::Made { at: answered, round_trip_ms };
        }
        let (Some(first), Some(last)) = (self.syns.first(), self.syns.last()) else {
            return Connect::Unknown;
        };
        if let Some(refusal) = &self.refusal {
            return Connect::Failed {
                at: refusal.at,
                failure: refusal.failure,
                icmp: refusal.icmp.clone(),
                elapsed_ms: refusal.at.ms() - last.ms(),
            };
        }
        let given_up = until.nanos.min(last.nanos.saturating_add(PATIENCE_NANOS));
        if given_up - first.nanos < SILENCE_NANOS {
            return Connect::Unknown;
        }
        let at = Moment { nanos: given_up, frame: last.frame };
        Connect::Failed {
            at,
            failure: ConnectFailure::Timeout,
            icmp: Lookup::Absent,
            elapsed_ms: at.ms() - first.ms(),
        }
    }
}

/// Who is who on a connection that began before the capture: by its first bytes, else by its ports.
fn sent_by_client(segment: &Segment<'_>) -> bool {
    match segment.payload {
        [3, 0, _, _, _, 0xE0, ..] => return true,
        [3, 0, _, _, _, 0xD0, ..] => return false,
        _ => {}
    }
    match (segment.from.port(), segment.to.port()) {
        (_, DEFAULT_PORT) => true,
        (DEFAULT_PORT, _) => false,
        (from, to) => from > to,
    }
}

/// RFC 792, RFC 1812 5.2.7.1; RFC 4443 3.1: as the live probe takes them.
fn by_icmp(message: &Unreachable) -> ConnectFailure {
    match (message.ip_version, message.code) {
        (4, 3) | (6, 4) => ConnectFailure::Refused,
        (4, 9 | 10 | 13) | (6, 1 | 5 | 6) => ConnectFailure::Prohibited,
        (4, 0 | 6) | (6, 0) => ConnectFailure::NetworkUnreachable,
        _ => ConnectFailure::HostUnreachable,
    }
}
