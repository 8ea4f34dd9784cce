//! A connection that is over: how it was made, what it was for, what passed on it.

use std::net::SocketAddr;

use rdpdoctor_model::{
    ConnectFailure, DEFAULT_PORT, Fact, Icmp, Lookup, ProxyReply, ProxyScheme, Transport,
};

use super::carried::Carried;
use super::conversation::{End, Event, Unread};
use super::side::Moment;

/// How TCP went.
#[derive(Debug, Clone)]
pub(super) enum Connect {
    /// Connected; how long it took, where the beginning was captured.
    Made { at: Moment, round_trip_ms: Option<f64> },
    /// Not connected.
    Failed { at: Moment, failure: ConnectFailure, icmp: Lookup<Icmp>, elapsed_ms: f64 },
    /// The capture ends too early to tell.
    Unknown,
}

/// A connection that has come to its end, or to the capture's.
pub(super) struct Connection {
    pub(super) role: Role,
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
    pub(super) first: Moment,
    pub(super) last: Moment,
    pub(super) connect: Connect,
    pub(super) end: End,
    /// When it ended.
    pub(super) closed: Moment,
    pub(super) events: Vec<Event>,
    pub(super) unread: Option<Unread>,
    /// Messages inside TLS that nobody could read: of the client, of the server.
    pub(super) sealed_records: [u32; 2],
    /// How often the client took its turn in them.
    pub(super) sealed_turns: u8,
    /// Segments that came again: of the client, of the server.
    pub(super) repeated: [u32; 2],
    /// The headers of the server's packets, where one of them ended it.
    pub(super) heads: Option<Fact>,
    /// What passed inside, where it leads to a proxy.
    pub(super) inside: Option<Box<Self>>,
}

impl Connection {
    /// Whether the client began with TLS (MS-RDPBCGR 5.4.2.2).
    pub(super) fn is_direct(&self) -> bool {
        self.events.iter().any(|event| matches!(event.fact, Fact::DirectApproach))
    }

    /// Whether it was about to be anything, on a port that says nothing.
    pub(super) fn is_mere_failure(&self) -> bool {
        self.events.is_empty()
            && self.server.port() != DEFAULT_PORT
            && matches!(self.connect, Connect::Failed { .. })
            && matches!(self.role, Role::Host)
    }
}

/// What a connection is for.
#[derive(Debug, Clone)]
pub(super) enum Role {
    /// To a host, straight.
    Host,
    /// To a gateway.
    Leg {
        /// The gateway's name as the client knows it.
        name: Option<String>,
        /// The host that was asked for on it.
        host: Option<Place>,
        /// The way through a proxy, where it goes by one.
        by: Option<Box<Tunnelled>>,
    },
    /// TLS without a word of HTTP in it: a gateway's where others lead to one.
    PerhapsLeg {
        /// The way through a proxy, where it goes by one.
        by: Option<Box<Tunnelled>>,
    },
    /// Inside a tunnel.
    Tunnel(Box<Inside>),
    /// To a proxy.
    Proxy(Box<Dialog>),
    /// Through a proxy to a host.
    Tunnelled(Box<Tunnelled>),
}

/// A host as the gateway is asked for it, and its port.
pub(super) type Place = (String, u16);

/// What is known of a tunnel.
#[derive(Debug, Clone)]
pub(super) struct Inside {
    pub(super) host: Option<Place>,
    pub(super) opened: bool,
    /// What the gateway said.
    pub(super) outside: Vec<Event>,
}

impl Role {
    /// What TLS leads to whose content is known, straight or through a proxy.
    pub(super) fn of_tls(carried: &Carried, by: Option<Tunnelled>) -> Self {
        let by = by.map(Box::new);
        match carried.leg() {
            Some(leg) => Self::Leg { name: leg.host().map(str::to_owned), host: None, by },
            // Only where another connection shows that a gateway is there.
            None => Self::PerhapsLeg { by },
        }
    }

    /// Whether it has to do with a gateway.
    pub(super) fn is_of_gateway(&self) -> bool {
        matches!(self, Self::Leg { .. } | Self::PerhapsLeg { .. } | Self::Tunnel(_))
    }

    /// Whether it is a connection to a gateway.
    pub(super) fn is_leg(&self) -> bool {
        matches!(self, Self::Leg { .. } | Self::PerhapsLeg { .. })
    }

    /// Whether it leads to a host.
    pub(super) fn is_to_host(&self) -> bool {
        match self {
            Self::Host | Self::Tunnelled(_) => true,
            Self::Tunnel(inside) => inside.opened,
            Self::Leg { .. } | Self::PerhapsLeg { .. } | Self::Proxy(_) => false,
        }
    }

    /// How it is carried.
    pub(super) fn transport(&self) -> Transport {
        match self {
            Self::Tunnel(_) => Transport::Tunnel,
            role if role.tunnelled().is_some() => Transport::Tunnel,
            _ => Transport::Tcp,
        }
    }

    /// What was said to a proxy, on a connection to one.
    pub(super) fn dialog(&self) -> Option<&Dialog> {
        match self {
            Self::Proxy(dialog) => Some(dialog),
            _ => None,
        }
    }

    /// The way through a proxy, where it goes inside one.
    pub(super) fn tunnelled(&self) -> Option<&Tunnelled> {
        match self {
            Self::Tunnelled(tunnelled) => Some(tunnelled),
            Self::Leg { by, .. } | Self::PerhapsLeg { by } => by.as_deref(),
            Self::Host | Self::Tunnel(_) | Self::Proxy(_) => None,
        }
    }

    /// Whether it goes by a proxy to a host.
    pub(super) fn is_by_proxy(&self) -> bool {
        match self {
            Self::Proxy(dialog) => !dialog.to_gateway,
            role => matches!(role, Self::Tunnelled(_)),
        }
    }

    /// The host that a gateway or a proxy was asked for.
    pub(super) fn host(&self) -> Option<&Place> {
        match self {
            Self::Leg { host, .. } => host.as_ref(),
            Self::Tunnel(inside) => inside.host.as_ref(),
            Self::Proxy(dialog) => dialog.asked.as_ref().filter(|_| !dialog.to_gateway),
            Self::Tunnelled(tunnelled) => Some(&tunnelled.asked),
            Self::Host | Self::PerhapsLeg { .. } => None,
        }
    }
}

/// What is known of a connection to a proxy that is over.
#[derive(Debug, Clone)]
pub(super) struct Dialog {
    pub(super) scheme: ProxyScheme,
    pub(super) has_user: bool,
    /// The host that was asked for.
    pub(super) asked: Option<Place>,
    pub(super) refusal: Option<ProxyReply>,
    /// It was asked for a gateway.
    pub(super) to_gateway: bool,
}

/// The connection inside a tunnel.
#[derive(Debug, Clone)]
pub(super) struct Tunnelled {
    pub(super) asked: Place,
    /// From the first word to the proxy to its consent.
    pub(super) elapsed_ms: f64,
}
