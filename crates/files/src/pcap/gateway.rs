//! The way through an RD Gateway: connections that carry a tunnel, and the connection inside it.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use rdpdoctor_model::{Awaited, Fact, GatewayTransport, Party, Stage, StageOutcome, Target};
use rdpdoctor_wire::gateway::{GatewayTunnel, LegEvent, TunnelEvent};
use rdpdoctor_wire::tls_decrypt::KeyLog;

use super::connection::{Connect, Connection, Inside, Place, Role};
use super::conversation::{Conversation, End, Event, GIVEN_UP_MS, SILENT_AT_THE_END_MS, Unread};
use super::side::Moment;

/// Tunnels that are followed at a time; each may hold some 100 KiB.
const MOST_TUNNELS: usize = 250;

/// ERROR_BAD_ARGUMENTS: the host closed its connection to the gateway unexpectedly (MS-TSGU 2.2.6.1).
const HOST_CLOSED: u32 = 0xA0;

/// The status that asks for a sign-in.
const UNAUTHORIZED: u16 = 401;

/// Whose tunnel it is: the client, the gateway, and the name that its connections have in common.
pub(super) type Key = (IpAddr, SocketAddr, String);

/// All tunnels.
#[derive(Default)]
pub(super) struct Tunnels {
    going: HashMap<Key, Tunnel>,
    over: Vec<Tunnel>,
    /// Tunnels of which there were too many.
    pub(super) passed_over: u64,
}

impl Tunnels {
    /// What a connection between these ends showed.
    pub(super) fn said(
        &mut self,
        key: &Key,
        client: SocketAddr,
        said: Vec<(Moment, LegEvent)>,
        secrets: &KeyLog,
    ) {
        for (at, event) in said {
            match event {
                LegEvent::Begun(transport) => self.begin(key, client, transport, at),
                LegEvent::Packet(from, packet) => {
                    if let Some(tunnel) = self.going.get_mut(key) {
                        let events = tunnel.tunnel.packet(from, packet);
                        tunnel.passed(from, at, events, secrets);
                    }
                }
                LegEvent::Fact(_) | LegEvent::ClosedByGateway => {}
            }
        }
    }

    fn begin(&mut self, key: &Key, client: SocketAddr, transport: GatewayTransport, at: Moment) {
        // The second channel of a pair belongs to the first.
        let goes_on =
            |tunnel: &Tunnel| tunnel.transport == transport && transport == GatewayTransport::Http;
        if self.going.get(key).is_some_and(goes_on) {
            return;
        }
        if self.going.len() + self.over.len() >= MOST_TUNNELS {
            self.passed_over += 1;
            return;
        }
        let tunnel = Tunnel::new(client, key.1, transport, at);
        self.over.extend(self.going.insert(key.clone(), tunnel));
    }

    /// Bytes are missing on one of its connections.
    pub(super) fn torn(&mut self, key: &Key) {
        let Some(tunnel) = self.going.get_mut(key) else { return };
        tunnel.is_torn = true;
        if let Some(conversation) = &mut tunnel.inside {
            conversation.hole();
        }
    }

    /// What the client waits for, and since when.
    pub(super) fn awaited(&self, key: &Key) -> Option<(Awaited, Option<Moment>)> {
        self.going.get(key).map(|tunnel| (tunnel.tunnel.awaited(), tunnel.asked_at))
    }

    /// One of its connections came to an end; what it gives is the host that was asked for.
    pub(super) fn leg_ended(&mut self, key: &Key, end: End, at: Moment) -> Option<Place> {
        let tunnel = self.going.get_mut(key)?;
        if tunnel.ended.is_none_or(|(_, first)| at.nanos < first.nanos) {
            tunnel.ended = Some((end, at));
        }
        tunnel.host.clone()
    }

    /// The connections inside them.
    pub(super) fn finish(self) -> impl Iterator<Item = Connection> {
        let all = self.over.into_iter().chain(self.going.into_values());
        all.map(Tunnel::finish)
    }
}

/// One tunnel.
struct Tunnel {
    client: SocketAddr,
    server: SocketAddr,
    transport: GatewayTransport,
    first: Moment,
    last: Moment,
    tunnel: GatewayTunnel,
    outside: Vec<Event>,
    host: Option<Place>,
    /// When the client asked for something last.
    asked_at: Option<Moment>,
    inside: Option<Conversation>,
    opened_at: Moment,
    closed: Option<(End, Moment)>,
    /// The first end of its connections.
    ended: Option<(End, Moment)>,
    /// Bytes of it are missing in the capture.
    is_torn: bool,
}

impl Tunnel {
    fn new(
        client: SocketAddr,
        server: SocketAddr,
        transport: GatewayTransport,
        at: Moment,
    ) -> Self {
        Self {
            client,
            server,
            transport,
            first: at,
            last: at,
            tunnel: GatewayTunnel::new(transport),
            outside: Vec::new(),
            host: None,
            asked_at: None,
            inside: None,
            opened_at: at,
            closed: None,
            ended: None,
            is_torn: false,
        }
    }

    fn passed(&mut self, from: Party, at: Moment, events: Vec<TunnelEvent>, secrets: &KeyLog) {
        self.last = at;
        if from == Party::Client {
            self.asked_at = Some(at);
        }
        for event in events {
            match event {
                TunnelEvent::Fact(fact) => self.outside.push(of_gateway(at, fact)),
                TunnelEvent::Asked { names, port } => {
                    self.host = names.into_iter().next().map(|name| (name, port));
                }
                TunnelEvent::Opened => {
                    self.inside = Some(Conversation::new());
                    self.opened_at = at;
                }
                TunnelEvent::Data { from, bytes } => {
                    if let Some(inside) = &mut self.inside {
                        inside.bytes(from, &bytes, at, secrets);
                    }
                }
                TunnelEvent::Closed { by, code } => {
                    let end = match (by, code) {
                        (Party::Client, _) => End::Client,
                        (Party::Server, 0) => End::ServerFin,
                        (Party::Server, HOST_CLOSED) => End::ServerReset,
                        (Party::Server, _) => End::Cut,
                    };
                    self.closed.get_or_insert((end, at));
                }
            }
        }
    }

    fn finish(mut self) -> Connection {
        let (end, at) = self.ended.unwrap_or((End::Open, self.last));
        let how = self.failed(end, at);
        let failed = how.and_then(|how| self.tunnel.ended(how));
        self.outside.extend(failed.map(|fact| of_gateway(at, fact)));
        let by_leg = match end {
            End::ServerFin | End::ServerReset => End::Cut,
            other => other,
        };
        let (end, at) = self.closed.unwrap_or((by_leg, at));
        let opened = self.inside.is_some();
        let inside = Inside { host: self.host, opened, outside: self.outside };
        let (first, last) = if opened { (self.opened_at, self.last) } else { (self.first, at) };
        let mut connection = Connection {
            role: Role::Tunnel(Box::new(inside)),
            client: self.client,
            server: self.server,
            first,
            last,
            connect: Connect::Unknown,
            end,
            closed: at,
            events: Vec::new(),
            unread: None,
            sealed_records: [0; 2],
            sealed_turns: 0,
            repeated: [0; 2],
            // The heads are those of the way to the gateway, not of the connection inside.
            heads: None,
            inside: None,
        };
        if let Some(mut conversation) = self.inside {
            if self.is_torn {
                conversation.torn();
            }
            conversation.end(end, at);
            connection.connect = Connect::Made { at: first, round_trip_ms: None };
            connection.sealed_records = conversation.sealed_records();
            connection.sealed_turns = conversation.sealed_turns();
            connection.unread = conversation.unread;
            connection.events = conversation.events;
        }
        connection
    }

    /// Why nothing passes on it any more, where that is the gateway's doing.
    fn failed(&self, end: End, at: Moment) -> Option<&'static str> {
        let silence = at.ms() - self.asked_at.unwrap_or(self.first).ms();
        match end {
            _ if self.is_torn => None,
            End::ServerFin | End::ServerReset | End::Cut => {
                Some("the gateway ended the connection before the first packet")
            }
            End::Client if silence >= GIVEN_UP_MS => Some("no answer in time"),
            End::Open if silence >= SILENT_AT_THE_END_MS => Some("no answer in time"),
            End::Client | End::Open => None,
        }
    }
}

fn of_gateway(at: Moment, fact: Fact) -> Event {
    Event { stage: Stage::Gateway, at, fact }
}

/// The gateway that connections lead to: by the name in a request, else by the one in the ClientHello.
pub(super) fn place(group: &[Connection]) -> Option<Target> {
    let leg = group.iter().find(|connection| connection.role.is_leg())?;
    let named = group.iter().find_map(|connection| match &connection.role {
        Role::Leg { name, .. } => name.as_deref(),
        _ => None,
    });
    let host = match named.map(|name| name.strip_prefix('[').ok_or(name)) {
        Some(Ok(address)) => address.split(']').next().unwrap_or_default().to_owned(),
        Some(Err(name)) => name.split(':').next().unwrap_or_default().to_owned(),
        None => match leg.role.tunnelled() {
            Some(tunnelled) => tunnelled.asked.0.clone(),
            None => leg.server.ip().to_string(),
        },
    };
    let port = leg.role.tunnelled().map_or(leg.server.port(), |tunnelled| tunnelled.asked.1);
    Some(Target { input: host.clone(), host, port })
}

/// Where the gateway stands in an attempt: its name first, then what it said, and how it ended.
pub(super) fn events(group: &[Connection]) -> Vec<Event> {
    let Some(place) = place(group) else { return Vec::new() };
    let first = group.iter().map(|c| c.first).min_by_key(|at| at.nanos).unwrap_or_default();
    let mut events = vec![of_gateway(first, Fact::Gateway { host: place.host, port: place.port })];
    for connection in group {
        if let Role::Tunnel(inside) = &connection.role {
            events.extend(inside.outside.iter().cloned());
        }
    }
    events
}

/// How the way through the gateway ended.
pub(super) fn ended(group: &[Connection]) -> Event {
    let first = group.iter().map(|c| c.first).min_by_key(|at| at.nanos).unwrap_or_default();
    let opened = group.iter().filter(|c| !c.role.is_leg() && c.role.is_to_host());
    let opened = opened.map(|connection| connection.first).min_by_key(|at| at.nanos);
    let last = group.iter().map(|c| c.last).max_by_key(|at| at.nanos).unwrap_or_default();
    let at = opened.unwrap_or(last);
    let (outcome, reason) = match opened {
        Some(_) => (StageOutcome::Passed, None),
        None if asks_for_a_sign_in(group) => {
            (StageOutcome::Passed, Some("it asks for a sign-in, and the client left".to_owned()))
        }
        None => (StageOutcome::Stopped, Some(why(group))),
    };
    of_gateway(at, Fact::StageEnded { outcome, reason, elapsed_ms: at.ms() - first.ms() })
}

/// A client that has no credential yet looks, and leaves to ask for one.
fn asks_for_a_sign_in(group: &[Connection]) -> bool {
    let answers = group.iter().filter(|c| c.role.is_leg()).flat_map(|c| &c.events);
    let mut shown = answers.filter_map(|event| match event.fact {
        // Whether RPC is there is asked by who got nothing else.
        Fact::GatewayAnswer { transport: GatewayTransport::Rpc, .. } => Some((0, false)),
        Fact::GatewayAnswer { status, after_credentials, .. } => Some((status, after_credentials)),
        _ => None,
    });
    let left = group.iter().all(|c| c.end == End::Client);
    left && shown.next_back() == Some((UNAUTHORIZED, false))
}

/// Why there is no channel.
fn why(group: &[Connection]) -> String {
    let unread = group.iter().find_map(|connection| connection.unread);
    let facts = || group.iter().flat_map(|c| c.events.iter().chain(outside(c))).map(|e| &e.fact);
    let mut codes = facts().filter_map(|fact| match fact {
        Fact::GatewayCode { code, .. } if *code != 0 => Some(*code),
        _ => None,
    });
    let mut statuses = facts().filter_map(|fact| match fact {
        Fact::GatewayAnswer { status, .. } => Some(*status),
        _ => None,
    });
    let end = group.iter().filter(|c| c.role.is_leg()).map(|c| c.end).next_back();
    match (codes.next_back(), unread, statuses.next_back()) {
        (Some(code), ..) => format!("the gateway says 0x{code:X}"),
        (_, Some(Unread::Hole | Unread::Midway), _) => {
            "bytes are missing in the capture".to_owned()
        }
        (_, Some(Unread::Sealed), _) => "encrypted, and the capture has no secrets".to_owned(),
        (.., Some(status)) if status != 101 && status != 200 => {
            format!("the gateway answered with status {status}")
        }
        _ => match end {
            Some(End::Client) => "the client left".to_owned(),
            Some(End::ServerFin | End::ServerReset) => {
                "the gateway ended the connection".to_owned()
            }
            _ => "the capture ends here".to_owned(),
        },
    }
}

fn outside(connection: &Connection) -> &[Event] {
    match &connection.role {
        Role::Tunnel(inside) => &inside.outside,
        _ => &[],
    }
}
