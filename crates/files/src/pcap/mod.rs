//! Packet captures: the connections in them, read by the same dissector as the live probe's, and
//! put together to attempts.
//!
//! A file of any size is read once, frame by frame; what is kept of each connection is bounded, and
//! so is their number.

mod attempt;
mod batch;
mod begins;
mod beside;
mod carried;
mod connection;
mod conversation;
mod flow;
mod frames;
mod gateway;
mod heads;
mod ip;
mod link;
mod parts;
mod proxy;
mod side;
mod sides;
mod stages;
mod udp;
mod write;

use std::collections::{HashMap, HashSet, VecDeque};
use std::io::Read;
use std::net::{IpAddr, SocketAddr};

pub use self::write::write;
use ahash::RandomState;
use rdpdoctor_model::{Observation, Target, Timestamp};
pub use rdpdoctor_wire::tls_decrypt::KeyLog;
use time::OffsetDateTime;

use self::batch::Item;
use self::beside::Beside;
use self::connection::{Connection, Role};
use self::conversation::Unread;
use self::flow::Flow;
use self::gateway::Tunnels;
use self::ip::{Packet, Segment, Unreachable};
use self::parts::{Frames, PARTS};
use self::side::Moment;
use self::udp::Handshakes;

/// Connections that are followed at a time, by each part as all of the following.
const MOST_FLOWS: usize = 20_000 / PARTS;

/// Remote Desktop connections that are followed at a time; each may hold some 100 KiB.
const MOST_RDP: usize = 500 / PARTS;

/// Connections of TLS that are followed at a time until it shows what they are for.
const MOST_SEALED: usize = 500 / PARTS;

/// Connections of which the facts are kept, and facts of them all.
const MOST_CONNECTIONS: usize = 5_000 / PARTS;
const MOST_FACTS: usize = 100_000 / PARTS;

/// Connections to other ports that did not come about, the last ones.
const MOST_FAILED: usize = 1_000 / PARTS;

/// Bytes of all connections together that wait for others.
const MOST_HELD: usize = 64 * 1024 * 1024 / PARTS;

/// Servers that are remembered.
const MOST_SERVERS: usize = 5_000 / PARTS;

/// What a capture shows.
pub struct Capture {
    /// One user's tries, in the order of time.
    pub attempts: Vec<Attempt>,
    /// What could not be looked at, in words.
    pub notes: Vec<String>,
}

/// One try: the connections that a client makes for one click.
pub struct Attempt {
    /// Whom it was about: the name the client knew, else the address.
    pub target: Target,
    /// The server's addresses.
    pub addresses: Vec<IpAddr>,
    /// The gateway that it went by.
    pub via: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it was seen.
    pub elapsed_ms: u64,
    /// What was seen, in the order of time.
    pub observations: Vec<Observation>,
}

/// Reads a capture; `name` is how its observations call the file.
///
/// # Errors
/// When the file does not begin as a capture does.
pub fn read(file: impl Read + Send, name: &str, secrets: KeyLog) -> Result<Capture, String> {
    let (parts, frames) = parts::read(file, &secrets)?;
    let mut parts = parts.into_iter();
    let mut reader = parts.next().unwrap_or_default();
    parts.for_each(|other| reader.join(other));
    Ok(reader.finish(name, frames))
}

/// Who talks to whom, whichever way.
type Ends = (SocketAddr, SocketAddr);

#[derive(Default)]
struct Reader {
    secrets: KeyLog,
    now: Moment,
    flows: HashMap<Ends, Box<Flow>, RandomState>,
    rdp_flows: usize,
    sealed_flows: usize,
    /// Connections that began since room was made.
    begun: usize,
    tunnels: Tunnels,
    /// Servers that were asked for Remote Desktop on whatever port.
    servers: HashSet<SocketAddr>,
    over: Vec<Connection>,
    /// Connections to other ports that did not come about: a scan has thousands.
    failed: VecDeque<Connection>,
    /// Connections came about that have nothing to do with Remote Desktop.
    others: bool,
    facts: usize,
    held: usize,
    beside: Beside,
    udp: Handshakes,
    /// Connections of which there were too many.
    passed_over: u64,
}

impl Reader {
    fn item(&mut self, at: Moment, item: &Item<'_>) {
        self.now = at;
        match item {
            Item::Packet(packet) => self.packet(packet),
            Item::Secrets(text) => self.secrets.read(text),
        }
    }

    fn packet(&mut self, packet: &Packet<'_>) {
        match packet {
            Packet::Tcp(segment) => self.segment(segment),
            Packet::Udp(datagram) => {
                self.beside.datagram(self.now, datagram);
                self.udp.datagram(self.now, datagram);
            }
            Packet::Unreachable(message) if message.udp => {
                self.udp.unreachable(self.now, message);
            }
            Packet::Unreachable(message) => self.unreachable(message),
            Packet::EchoReply { from } => self.beside.answered(self.now, *from, None, false),
        }
    }

    fn segment(&mut self, segment: &Segment<'_>) {
        if segment.acknowledged.is_some() && (segment.syn || segment.rst) {
            let (host, port) = (segment.from.ip(), Some(segment.from.port()));
            self.beside.answered(self.now, host, port, segment.rst);
        }
        let ends = ends(segment.from, segment.to);
        match self.flows.get_mut(&ends) {
            Some(flow) if flow.is_followed_by(segment) => {
                self.flows.remove(&ends).into_iter().for_each(|flow| self.end(flow));
                self.begin(ends, segment);
            }
            // Most of what passes in a network; nothing of it is kept.
            Some(flow) if flow.is_other() => {
                flow.segment(self.now, segment, &self.secrets);
                return;
            }
            Some(_) => {}
            None => self.begin(ends, segment),
        }
        let Some(flow) = self.flows.get_mut(&ends) else { return };
        let (before, sealed) = (flow.is_rdp(), flow.is_sealed());
        self.held -= flow.held();
        flow.segment(self.now, segment, &self.secrets);
        if flow.is_sealed() && !sealed && self.sealed_flows >= MOST_SEALED {
            flow.pass_over();
        }
        if self.held + flow.held() > MOST_HELD {
            self.passed_over += u64::from(flow.relieve(&self.secrets));
        }
        self.sealed_flows = self.sealed_flows + usize::from(flow.is_sealed()) - usize::from(sealed);
        self.held += flow.held();
        let (client, server) = (flow.client, flow.server);
        if let Some(key) = flow.tunnel() {
            self.tunnels.said(&key, client, flow.take_said(), &self.secrets);
            if flow.is_torn() {
                self.tunnels.torn(&key);
            }
        }
        self.rdp_flows = self.rdp_flows + usize::from(flow.is_rdp()) - usize::from(before);
        if flow.is_rdp() && !before {
            // What a proxy is asked for next may be anything.
            if flow.is_to_host() && self.servers.len() < MOST_SERVERS {
                self.servers.insert(server);
            }
        }
        let tickets = flow.kerberos().map(|stream| stream.tickets(client.ip(), server));
        tickets.into_iter().flatten().for_each(|ticket| self.beside.ticket(ticket));
    }

    /// Follows a connection from its first packet on, where there is room.
    fn begin(&mut self, ends: Ends, segment: &Segment<'_>) {
        let is_full =
            |reader: &Self| reader.flows.len() >= MOST_FLOWS || reader.rdp_flows >= MOST_RDP;
        self.begun += 1;
        // Looking through all of them pays only after so many new ones.
        if is_full(self) && self.begun > self.flows.len() / 4 {
            self.begun = 0;
            self.make_room();
        }
        if is_full(self) {
            // Of one that began before the capture each packet comes here.
            self.passed_over = (self.passed_over + u64::from(segment.syn)).max(1);
            return;
        }
        let is_known = |server| self.servers.contains(&server);
        let Some(flow) = Flow::begin(self.now, segment, is_known) else { return };
        self.rdp_flows += usize::from(flow.is_rdp());
        self.flows.insert(ends, Box::new(flow));
    }

    /// Ends what is over, and what nobody wants to know of.
    fn make_room(&mut self) {
        let now = self.now;
        let over = self.flows.extract_if(|_, flow| flow.is_other() || flow.is_over(now));
        let mut over: Vec<Box<Flow>> = over.map(|(_, flow)| flow).collect();
        over.sort_by_key(|flow| flow.begun_in_frame());
        over.into_iter().for_each(|flow| self.end(flow));
    }

    fn unreachable(&mut self, message: &Unreachable) {
        if let Some(flow) = self.flows.get_mut(&ends(message.from, message.to))
            && flow.client == message.from
        {
            flow.unreachable(self.now, message);
        }
    }

    fn end(&mut self, mut flow: Box<Flow>) {
        self.rdp_flows -= usize::from(flow.is_rdp());
        self.sealed_flows -= usize::from(flow.is_sealed());
        self.held -= flow.held();
        self.others |= flow.is_of_others();
        let tunnel = flow.tunnel();
        if let Some((awaited, asked)) = tunnel.as_ref().and_then(|key| self.tunnels.awaited(key)) {
            flow.tunnel_awaits(awaited, asked);
        }
        if self.over.len() >= MOST_CONNECTIONS || self.facts >= MOST_FACTS {
            self.passed_over += 1;
        } else if let Some(mut connection) = flow.finish(self.now, &self.secrets) {
            let (end, closed) = (connection.end, connection.closed);
            let inside = connection.inside.as_deref_mut().map(|inside| &mut inside.role);
            if let (Some(key), Role::Leg { host, .. }) =
                (&tunnel, inside.unwrap_or(&mut connection.role))
            {
                if connection.unread == Some(Unread::Hole) {
                    self.tunnels.torn(key);
                }
                *host = self.tunnels.leg_ended(key, end, closed);
            }
            if connection.is_mere_failure() {
                self.failed.push_back(connection);
                if self.failed.len() > MOST_FAILED {
                    self.failed.pop_front();
                }
                return;
            }
            let inside = connection.inside.take();
            for connection in [Some(connection), inside.map(|inside| *inside)].into_iter().flatten()
            {
                self.facts += connection.events.len();
                self.over.push(connection);
            }
        }
    }

    /// Ends what goes on when the file does.
    fn end_all(&mut self, now: Moment) {
        self.now = now;
        let mut rest: Vec<Box<Flow>> = std::mem::take(&mut self.flows).into_values().collect();
        rest.sort_by_key(|flow| flow.begun_in_frame());
        for flow in rest {
            self.end(flow);
        }
        let tunnels = std::mem::take(&mut self.tunnels);
        self.passed_over += tunnels.passed_over;
        self.over.extend(tunnels.finish());
    }

    /// Takes what another part has seen. Each has ended all of its own.
    fn join(&mut self, other: Self) {
        self.over.extend(other.over);
        self.failed.extend(other.failed);
        self.others |= other.others;
        self.beside.join(other.beside);
        self.udp.join(other.udp);
        self.passed_over += other.passed_over;
    }

    fn finish(mut self, name: &str, frames: Frames) -> Capture {
        let mut notes = Vec::new();
        notes.extend(frames.broken.map(|how| format!("not read to its end: {how}")));
        for (link, frames) in &frames.unknown_links {
            notes.push(format!("{frames} frames of link type {link}, which cannot be read"));
        }
        if self.passed_over > 0 {
            notes.push(format!("{} connections too many to be followed", self.passed_over));
        }
        let clock = Clock { began: frames.began, file: name.to_owned() };
        let around =
            Around { beside: &self.beside, udp: &self.udp, clock: &clock, until: self.now.nanos };
        self.over.extend(self.failed);
        self.over.sort_by_key(|connection| connection.first.frame);
        let (connections, failed) = attempt::relevant(self.over, self.others);
        let attempts = attempt::attempts(connections, &around);
        if attempts.is_empty() {
            notes.extend(self.udp.words());
            notes.extend(attempt::failures(&failed));
        }
        Capture { attempts, notes }
    }
}

fn ends(a: SocketAddr, b: SocketAddr) -> Ends {
    if a <= b { (a, b) } else { (b, a) }
}

/// What is known beside the connections.
struct Around<'a> {
    beside: &'a Beside,
    udp: &'a Handshakes,
    clock: &'a Clock,
    /// Nanoseconds from the capture's beginning to its end.
    until: i64,
}

/// Where the times of a capture lie, and what its file is called.
struct Clock {
    began: Option<i64>,
    file: String,
}

impl Clock {
    /// The wall clock's time; `None` where the file has none.
    fn at(&self, moment: Moment) -> Option<Timestamp> {
        let nanos = i128::from(self.began?) + i128::from(moment.nanos);
        OffsetDateTime::from_unix_timestamp_nanos(nanos).ok().map(Timestamp::from)
    }
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::PacketHead;

    use super::*;

    /// Centres that announce a long message and send all of it but its end.
    #[test]
    fn all_connections_together_hold_so_much() {
        let mut reader = Reader::default();
        let message = [&[0, 1, 0xFF, 0xFF][..], &[0; 120_000]].concat();
        for client in 0..400_u16 {
            let (from, to) = (([10, 0, 0, 2], 88).into(), ([10, 0, 0, 1], 1000 + client).into());
            let mut sequence = 1;
            for payload in message.chunks(60_000) {
                let head = PacketHead { hops: 64, id: None };
                let (acknowledged, missing) = (Some(1), 0);
                let (syn, fin, rst) = (false, false, false);
                reader.packet(&Packet::Tcp(Segment {
                    from,
                    to,
                    sequence,
                    acknowledged,
                    syn,
                    fin,
                    rst,
                    payload,
                    missing,
                    head,
                }));
                sequence += u32::try_from(payload.len()).expect("short");
            }
        }
        let held: usize = reader.flows.values().map(|flow| flow.held()).sum();
        assert_eq!(held, reader.held);
        assert!((MOST_HELD / 2..=MOST_HELD).contains(&held), "{held}");
        assert!(reader.passed_over > 0, "and it is said");
    }
}
