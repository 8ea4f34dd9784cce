//! From connections to attempts: what a client makes for one click belongs together.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use rayon::prelude::*;
use rdpdoctor_model::{
    Awaited, ConnectFailure, DEFAULT_PORT, Ending, Fact, Negotiation, Observation, ObservationId,
    Origin, Purpose, SecurityLayer, SecurityLayerAnswer, Source, Stage, Target, Timestamp,
    Transport,
};

use super::beside::Beside;
use super::connection::{Connect, Connection, Place, Role};
use super::conversation::Event;
use super::gateway;
use super::proxy;
use super::side::Moment;
use super::stages;
use super::{Around, Attempt, Clock};

/// Connections that follow each other within this time belong to one attempt.
const SAME_ATTEMPT_NANOS: i64 = 5_000_000_000;

/// A ticket is asked for at most so long before the connection.
const TICKETS_BEFORE_NANOS: i64 = 30_000_000_000;

/// UDP that begins so soon behind the last byte of TCP belongs to it.
const UDP_BEHIND_NANOS: i64 = 1_000_000_000;

/// The port that a gateway's name goes without.
const HTTPS_PORT: u16 = 443;

/// Most connections of one attempt; a client makes three or four.
const MOST_CONNECTIONS: usize = 32;

/// Places to which connections failed that are told of where nothing else is there to tell.
const MOST_FAILURES_TOLD: usize = 5;

/// How far a connection came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Progress {
    NotConnected,
    Connected,
    Asked,
    Negotiated,
    HelloAnswered,
    Encrypted,
    Channels,
    Session,
}

/// All attempts, in the order of time.
pub(super) fn attempts(mut connections: Vec<Connection>, around: &Around<'_>) -> Vec<Attempt> {
    connections.sort_by_key(|connection| connection.first.frame);
    let mut groups: Vec<Vec<Connection>> = Vec::new();
    for connection in connections {
        match groups.iter_mut().rfind(|group| belongs(group, &connection)) {
            Some(group) => group.push(connection),
            None => groups.push(vec![connection]),
        }
    }
    groups.into_par_iter().map(|group| attempt(&group, around)).collect()
}

/// The connections that are Remote Desktop, and those that came to nothing of which nobody can tell.
///
/// Connections of other ports that failed count only where they lead to a server that speaks Remote
/// Desktop, or where the capture holds nothing else: with the traffic of `others` around them anything
/// may have been wanted there.
pub(super) fn relevant(
    mut connections: Vec<Connection>,
    mut others: bool,
) -> (Vec<Connection>, Vec<Connection>) {
    let gateways: HashSet<SocketAddr> =
        connections.iter().filter(|c| is_gateways(c)).map(|c| c.server).collect();
    let is_web = |c: &Connection| is_perhaps_gateways(c) && !gateways.contains(&c.server);
    let (web, rest): (Vec<_>, Vec<_>) = connections.into_iter().partition(is_web);
    connections = rest;
    others |= web.iter().any(|c| matches!(c.connect, Connect::Made { .. }));
    for connection in connections.iter_mut() {
        if gateways.contains(&connection.server) && matches!(connection.role, Role::Host) {
            connection.role = Role::PerhapsLeg { by: None };
        }
    }
    let known: HashSet<SocketAddr> =
        connections.iter().filter(|c| is_rdp(c)).map(|c| c.server).collect();
    let named: HashSet<IpAddr> = connections.iter().flat_map(redirected_to).collect();
    if !known.is_empty() {
        // Most of what a proxy is asked for are web pages.
        let hosts: HashSet<Place> = connections
            .iter()
            .filter(|c| is_rdp(c))
            .filter_map(|c| c.role.host().cloned())
            .collect();
        connections.retain(|c| {
            !c.role.is_by_proxy() || c.role.host().is_some_and(|host| hosts.contains(host))
        });
        connections.retain(|c| known.contains(&c.server) || named.contains(&c.server.ip()));
    } else if others || connections.iter().any(|c| connections[0].server != c.server) {
        connections.extend(never_encrypted(web));
        return (Vec::new(), connections);
    }
    (connections, Vec::new())
}

/// Connections to servers with which TLS failed at its first message, and never worked: to a proxy inside
/// TLS, a gateway or a web page, which nobody can tell from outside.
fn never_encrypted(web: Vec<Connection>) -> impl Iterator<Item = Connection> {
    let worked: HashSet<SocketAddr> =
        web.iter().filter(|c| !fails_in_tls(c)).map(|c| c.server).collect();
    web.into_iter().filter(move |c| !worked.contains(&c.server))
}

fn fails_in_tls(connection: &Connection) -> bool {
    connection.events.iter().any(|event| match event.fact {
        Fact::TlsMalformed { .. } => true,
        Fact::TlsAlert { level, awaited, .. } => level == 2 && awaited == Awaited::ServerHello,
        Fact::StreamEnded { ending, awaited, .. } => {
            awaited == Awaited::ServerHello && ending != Ending::ClosedByClient
        }
        _ => false,
    })
}

/// Connections that came to nothing, in words: where each led, once.
pub(super) fn failures(failed: &[Connection]) -> Option<String> {
    let mut places: Vec<String> = Vec::new();
    for connection in failed {
        let how = match connection.connect {
            Connect::Failed { failure: ConnectFailure::Refused, .. } => "refused",
            Connect::Failed { failure: ConnectFailure::Timeout, .. } => "no answer",
            Connect::Failed { .. } => "not reached",
            Connect::Made { .. } if fails_in_tls(connection) => "TLS fails",
            Connect::Made { .. } | Connect::Unknown => continue,
        };
        let place = format!("{} ({how})", connection.server);
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let more = places.len().saturating_sub(MOST_FAILURES_TOLD);
    places.truncate(MOST_FAILURES_TOLD);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    (!places.is_empty()).then(|| {
        format!(
            "nothing says which of these connections was to be Remote Desktop: {}{more}",
            places.join(", ")
        )
    })
}

/// Whether it shows that a gateway is there.
fn is_gateways(connection: &Connection) -> bool {
    matches!(connection.role, Role::Leg { .. } | Role::Tunnel(_))
}

/// Whether that depends on what others show.
fn is_perhaps_gateways(connection: &Connection) -> bool {
    let asked = connection.role.dialog().is_some_and(|dialog| dialog.to_gateway);
    asked || matches!(connection.role, Role::PerhapsLeg { .. })
}

/// Whether it is Remote Desktop by its content, or by its port.
fn is_rdp(connection: &Connection) -> bool {
    if is_gateways(connection) {
        return true;
    }
    let spoke = connection.is_direct()
        || connection.events.iter().any(|e| {
            matches!(e.fact, Fact::ConnectionRequest { .. } | Fact::ConnectionConfirm { .. })
        });
    let by_proxy = connection.role.is_by_proxy();
    let asked = connection.role.host().is_some_and(|(_, port)| by_proxy && *port == DEFAULT_PORT);
    spoke || asked || (connection.server.port() == DEFAULT_PORT && !by_proxy)
}

/// Whether a connection continues an attempt: the same client and target, soon after, and not
/// offering more than the first.
fn belongs(group: &[Connection], next: &Connection) -> bool {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return false };
    let soon = next.first.nanos - last.last.nanos <= SAME_ATTEMPT_NANOS;
    if !soon || first.client.ip() != next.client.ip() || group.len() >= MOST_CONNECTIONS {
        return false;
    }
    // One gateway leads to many hosts.
    let other_host = |host| group.iter().filter_map(|c| c.role.host()).any(|own| own != host);
    if next.role.host().is_some_and(other_host) {
        return false;
    }
    if group.iter().any(|c| redirected_to(c).contains(&next.server.ip())) {
        return true;
    }
    let less = match (offer(first), offer(next)) {
        (Some(most), Some(offered)) => offered & !most == 0,
        _ => true,
    };
    // Whoever had a session and comes again begins anew.
    let over = |c: &Connection| c.last.nanos < next.first.nanos;
    let again = || group.iter().any(|c| progress(c) == Progress::Session && over(c));
    first.server == next.server && less && !again()
}

/// The addresses to which a broker sent the client on (MS-RDPBCGR 2.2.13.1).
fn redirected_to(connection: &Connection) -> Vec<IpAddr> {
    let targets = connection.events.iter().flat_map(|event| match &event.fact {
        Fact::Redirection { targets, .. } => targets.as_slice(),
        _ => &[],
    });
    targets.filter_map(|target| target.trim_matches(['[', ']']).parse().ok()).collect()
}

/// requestedProtocols of its Connection Request.
fn offer(connection: &Connection) -> Option<u32> {
    connection.events.iter().find_map(|event| match event.fact {
        Fact::ConnectionRequest { requested_protocols, .. } => {
            Some(requested_protocols.unwrap_or(0))
        }
        _ => None,
    })
}

pub(super) fn progress(connection: &Connection) -> Progress {
    let reached = connection.events.iter().map(|event| match event.fact {
        Fact::ConnectionRequest { .. } => Progress::Asked,
        Fact::ConnectionConfirm { negotiation: Negotiation::Failure { .. } } => Progress::Asked,
        Fact::ConnectionConfirm { .. } => Progress::Negotiated,
        Fact::ServerHello { .. } => Progress::HelloAnswered,
        Fact::TlsEstablished { .. } => Progress::Encrypted,
        Fact::McsConnectResponse { .. } => Progress::Channels,
        Fact::FontMap | Fact::LoggedOn { .. } => Progress::Session,
        _ => Progress::Connected,
    });
    let least = match connection.connect {
        Connect::Made { .. } => Progress::Connected,
        Connect::Failed { .. } | Connect::Unknown => Progress::NotConnected,
    };
    let reached = reached.max().unwrap_or(least);
    if stages::has_session_traffic(connection) { Progress::Session } else { reached }
}

fn attempt(group: &[Connection], around: &Around<'_>) -> Attempt {
    let to_host: Vec<&Connection> = group.iter().filter(|c| c.role.is_to_host()).collect();
    let purposes = purposes(&to_host);
    let clock = around.clock;
    let mut seen = Seen { clock, entries: Vec::new() };
    seen.entries.extend(gateway::events(group).into_iter().map(|event| (None, event)));
    seen.entries.extend(proxy::events(group).into_iter().map(|event| (None, event)));
    let mut carriers: HashMap<SocketAddr, u32> = HashMap::new();
    let mut number = 0;
    let mut numbers = Vec::new();
    let mut known = purposes.iter();
    for connection in group {
        let purpose = match &connection.role {
            role if role.is_to_host() => known.next().copied(),
            Role::Proxy(_) => Some(Purpose::Proxy),
            role => role.is_leg().then_some(Purpose::Gateway),
        };
        let Some(purpose) = purpose else { continue };
        number += 1;
        if connection.role.is_to_host() {
            numbers.push(number);
        }
        seen.connection(number, purpose, connection);
        if matches!(connection.role, Role::Proxy(_)) {
            carriers.insert(connection.client, number);
        }
        let carrier = carriers.get(&connection.client).copied().unwrap_or_default();
        let opened = proxy::opened(connection, carrier);
        seen.entries.extend(opened.map(|event| (Some(number), event)));
    }
    let decides = |purpose: &Purpose| {
        matches!(purpose, Purpose::Main | Purpose::Fallback | Purpose::Redirected)
    };
    let last = purposes.iter().rposition(decides).unwrap_or(0);
    let by_gateway = group.iter().any(|connection| connection.role.is_of_gateway());
    if by_gateway {
        seen.entries.push((None, gateway::ended(group)));
    }
    match to_host.get(last) {
        Some(connection) => {
            let number = numbers.get(last).copied();
            for event in stages::ended(connection) {
                seen.entries.push((number, event));
            }
            seen.beside(connection, group, around);
        }
        None => {
            let by_gateway = group.iter().any(|connection| connection.role.is_of_gateway());
            let unreached = by_gateway.then(|| stages::unreached(group));
            let unreached = unreached.into_iter().flatten();
            seen.entries.extend(unreached.map(|event| (None, event)));
            group.first().into_iter().for_each(|first| seen.beside(first, group, around));
        }
    }
    let first = group.iter().map(|c| c.first).min_by_key(|at| at.nanos).unwrap_or_default();
    let until = group.iter().map(|c| c.last.nanos).max().unwrap_or_default();
    Attempt {
        addresses: addresses(&to_host),
        via: match (gateway::place(group), proxy::place(group)) {
            (Some(gateway), Some(proxy)) => {
                Some(format!("{} by {proxy}", gateway.place(HTTPS_PORT)))
            }
            (Some(gateway), None) => Some(gateway.place(HTTPS_PORT)),
            (None, proxy) => proxy,
        },
        target: target(group, &to_host, around.beside),
        started_at: clock.at(first).unwrap_or_else(Timestamp::now),
        elapsed_ms: millis(until - first.nanos),
        observations: seen.observations(first.nanos),
    }
}

/// What each connection was for, as the client's ways tell it.
fn purposes(group: &[&Connection]) -> Vec<Purpose> {
    let mut purposes = Vec::with_capacity(group.len());
    let mut furthest = Progress::NotConnected;
    let first_offer = group.iter().find_map(|c| offer(c));
    let begins_directly = group.first().is_some_and(|first| first.is_direct());
    let versions = group.iter().find_map(|c| versions(c));
    for &connection in group {
        let progress = progress(connection);
        let plain = connection
            .events
            .iter()
            .any(|event| matches!(event.fact, Fact::ClientHello { plain: true, .. }));
        let other_versions = self::versions(connection).is_some_and(|v| Some(v) != versions);
        let named = || group.iter().any(|c| redirected_to(c).contains(&connection.server.ip()));
        let purpose = if purposes.is_empty() {
            Purpose::Main
        } else if named() {
            Purpose::Redirected
        } else if progress == Progress::NotConnected {
            Purpose::OtherAddress
        } else if plain {
            Purpose::PlainClientHello
        } else if begins_directly && connection.is_direct() {
            Purpose::Fallback
        } else if begins_directly && offer(connection).is_some() && progress < Progress::Encrypted {
            // Whoever begins with TLS negotiates only to ask whether that would do better.
            Purpose::PlainClientHello
        } else if offer(connection).is_none() {
            Purpose::ServiceProbe
        } else if other_versions {
            Purpose::TlsVersion
        } else if offer(connection) != first_offer && progress < furthest {
            Purpose::SecurityLayer
        } else {
            Purpose::Fallback
        };
        if matches!(purpose, Purpose::Main | Purpose::Fallback) {
            furthest = furthest.max(progress);
        }
        purposes.push(purpose);
    }
    purposes
}

fn versions(connection: &Connection) -> Option<&[u16]> {
    connection.events.iter().find_map(|event| match &event.fact {
        Fact::ClientHello { versions, .. } => Some(versions.as_slice()),
        _ => None,
    })
}

/// The observations of an attempt in the making.
struct Seen<'a> {
    clock: &'a Clock,
    entries: Vec<(Option<u32>, Event)>,
}

impl Seen<'_> {
    fn connection(&mut self, number: u32, purpose: Purpose, connection: &Connection) {
        let (remote, local) = (connection.server, connection.client);
        let transport = connection.role.transport();
        let own = Some(local).filter(|_| transport == Transport::Tcp);
        let fact = Fact::Connection { number, purpose, transport, remote, local: own };
        let stage = |own| match &connection.role {
            Role::Proxy(_) => Stage::Proxy,
            role if role.is_leg() => Stage::Gateway,
            _ => own,
        };
        self.push(number, stage(Stage::Tcp), connection.first, fact);
        match &connection.connect {
            Connect::Made { at, round_trip_ms: Some(round_trip_ms) } => {
                let fact =
                    Fact::TcpConnected { remote, local, round_trip_ms: exact(*round_trip_ms) };
                self.push(number, stage(Stage::Tcp), *at, fact);
            }
            Connect::Failed { at, failure, icmp, elapsed_ms } => {
                let fact = Fact::TcpFailed {
                    remote,
                    failure: *failure,
                    icmp: icmp.clone(),
                    os_error: None,
                    elapsed_ms: exact(*elapsed_ms),
                };
                self.push(number, stage(Stage::Tcp), *at, fact);
            }
            Connect::Made { .. } | Connect::Unknown => {}
        }
        let [client, server] = connection.repeated;
        if client > 0 || server > 0 {
            let fact = Fact::Retransmissions { client, server };
            self.push(number, stage(Stage::Network), connection.last, fact);
        }
        if let Some(heads) = &connection.heads {
            self.push(number, Stage::Network, connection.last, heads.clone());
        }
        if purpose == Purpose::SecurityLayer
            && let Some(fact) = layer_offer(connection)
        {
            self.push(number, Stage::X224, connection.last, fact);
        }
        self.entries.extend(connection.events.iter().map(|event| (Some(number), event.clone())));
    }

    /// Names, tickets and signs of life.
    fn beside(&mut self, deciding: &Connection, group: &[Connection], around: &Around<'_>) {
        let beside = around.beside;
        let by_gateway = deciding.role.is_of_gateway();
        let (client, host) = (deciding.client.ip(), deciding.server.ip());
        // A proxy's name is none of the host's, nor of the gateway's.
        let by_proxy = group.iter().any(|c| c.role.dialog().is_some());
        let names = beside.name_of(client, host).filter(|_| !by_proxy);
        if let Some((_, names)) = names {
            // A client of a gateway looks up the gateway's name only.
            let stage = if by_gateway { Stage::Gateway } else { Stage::Dns };
            for name in names.into_iter().take(8) {
                let event = Event { stage, at: name.at, fact: name.fact() };
                self.entries.push((None, event));
            }
        }
        let from = group.iter().map(|c| c.first.nanos).min().unwrap_or_default();
        let to = group.iter().map(|c| c.last.nanos).max().unwrap_or_default();
        for ticket in beside.tickets_of(client, from - TICKETS_BEFORE_NANOS, to).iter().take(32) {
            let (at, fact) = (ticket.at, ticket.fact.clone());
            // Until there is a channel, a ticket is for the gateway.
            let to_proxy = deciding.role.dialog().is_some();
            let before = deciding.role.is_leg() || to_proxy || at.nanos < deciding.first.nanos;
            let stage = match before {
                true if by_gateway => Stage::Gateway,
                true if deciding.role.is_by_proxy() => Stage::Proxy,
                _ => Stage::CredSsp,
            };
            self.entries.push((None, Event { stage, at, fact }));
        }
        if by_gateway {
            return;
        }
        // A client turns to UDP once its session is being set up.
        let number = u32::try_from(group.len() + 1).unwrap_or(u32::MAX);
        let span = (from, to + UDP_BEHIND_NANOS);
        let until = around.until;
        for (number, event) in around.udp.between(client, deciding.server, span, until, number) {
            self.entries.push((Some(number), event));
        }
        if matches!(deciding.connect, Connect::Failed { .. })
            && let Some((life, fact)) = beside.life_of(host, deciding.server.port())
        {
            self.entries.push((None, Event { stage: Stage::Tcp, at: life.at, fact }));
        }
    }

    fn push(&mut self, number: u32, stage: Stage, at: Moment, fact: Fact) {
        self.entries.push((Some(number), Event { stage, at, fact }));
    }

    fn observations(mut self, first: i64) -> Vec<Observation> {
        self.entries.sort_by_key(|(_, event)| event.at.nanos);
        let clock = self.clock;
        let entries = self.entries.into_iter().enumerate();
        entries
            .map(|(index, (connection, event))| Observation {
                id: ObservationId::numbered(index + 1),
                source: Source::Capture,
                stage: event.stage,
                at: clock.at(event.at),
                at_ms: millis(event.at.nanos - first),
                origin: Some(Origin { file: clock.file.clone(), frame: Some(event.at.frame) }),
                connection,
                fact: event.fact,
            })
            .collect()
    }
}

/// A connection that offered less, after one that came further, asks which layers a server takes.
fn layer_offer(connection: &Connection) -> Option<Fact> {
    let requested_protocols = offer(connection)?;
    let layer = match requested_protocols {
        0 => SecurityLayer::Rdp,
        1 => SecurityLayer::Tls,
        offered if offered & 8 != 0 => SecurityLayer::NlaEx,
        offered if offered & 2 != 0 => SecurityLayer::Nla,
        _ => return None,
    };
    let answer = connection.events.iter().find_map(|event| match event.fact {
        Fact::ConnectionConfirm { negotiation } => Some(match negotiation {
            Negotiation::None => SecurityLayerAnswer::Accepted { selected_protocol: 0 },
            Negotiation::Response { selected_protocol, .. } => {
                SecurityLayerAnswer::Accepted { selected_protocol }
            }
            Negotiation::Failure { code } => SecurityLayerAnswer::Refused { code },
        }),
        Fact::StreamEnded { ending, .. } => Some(SecurityLayerAnswer::NoAnswer { ending }),
        _ => None,
    });
    let answer = answer.unwrap_or(SecurityLayerAnswer::NoAnswer { ending: Ending::Cancelled });
    Some(Fact::SecurityLayerOffer { layer, requested_protocols, answer })
}

/// The host that a gateway was asked for; the name in the ClientHello is the one the user typed; else
/// the DNS may have been asked for one.
fn target(group: &[Connection], to_host: &[&Connection], beside: &Beside) -> Target {
    if let Some((host, port)) = group.iter().find_map(|connection| connection.role.host()) {
        let mut target = Target { input: String::new(), host: host.clone(), port: *port };
        target.input = target.to_string();
        return target;
    }
    let Some(first) = to_host.first() else {
        // The gateway was never asked for a host.
        return Target { input: String::new(), host: String::new(), port: DEFAULT_PORT };
    };
    let (client, server) = (first.client.ip(), first.server);
    let hello = to_host.iter().flat_map(|c| &c.events).find_map(|event| match &event.fact {
        Fact::ClientHello { server_name: Some(name), .. } => Some(name.as_str()),
        _ => None,
    });
    let name = beside.name_of(client, server.ip()).map(|(name, _)| name);
    let port = server.port();
    let named = |name: &str| format!("{name}:{port}").parse::<Target>().ok();
    let found = hello.and_then(named).or_else(|| name.and_then(named));
    let host = server.ip().to_string();
    let mut target = found.unwrap_or(Target { input: String::new(), host, port });
    target.input = target.to_string();
    target
}

/// Of a host behind a gateway or a proxy nobody here knows any.
fn addresses(to_host: &[&Connection]) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    let straight = |c: &&&Connection| !c.role.is_of_gateway() && !c.role.is_by_proxy();
    for connection in to_host.iter().filter(straight) {
        if !addresses.contains(&connection.server.ip()) {
            addresses.push(connection.server.ip());
        }
    }
    addresses
}

/// Whole milliseconds.
pub(super) fn millis(nanos: i64) -> u64 {
    u64::try_from(nanos / 1_000_000).unwrap_or(0)
}

/// Microseconds are what captures have; more digits would only look exact.
fn exact(milliseconds: f64) -> f64 {
    (milliseconds * 1000.0).round() / 1000.0
}
