//! What is inside TLS that began with the first byte: the way to a gateway, or nobody's business here.

use rdpdoctor_model::{Awaited, Fact, Party};
use rdpdoctor_wire::gateway::{GatewayLeg, LegEvent, Opening, opening};

use super::side::Moment;

/// Bytes that are kept until the client's first ones tell what it is for.
const MOST_UNDECIDED: usize = 16 * 1024;

/// What passes there.
pub(super) enum Carried {
    /// Too little has passed.
    Undecided(Vec<(Party, Moment, Vec<u8>)>),
    /// A gateway's.
    Leg(Box<Leg>),
    /// RPC over HTTP, to a gateway or to anybody else.
    Rpc(Box<Leg>),
    /// Something else, of which nothing is kept.
    Other,
}

/// One connection to a gateway.
#[derive(Default)]
pub(super) struct Leg {
    http: GatewayLeg,
    /// For its tunnel.
    said: Vec<(Moment, LegEvent)>,
    closed_by_gateway: bool,
}

impl Default for Carried {
    fn default() -> Self {
        Self::Undecided(Vec::new())
    }
}

impl Carried {
    /// The connection to a gateway, where it is one for sure.
    pub(super) fn leg(&self) -> Option<&GatewayLeg> {
        match self {
            Self::Leg(leg) => Some(&leg.http),
            _ => None,
        }
    }

    /// The connection to what may be a gateway or anything else that speaks RPC.
    pub(super) fn is_rpc(&self) -> bool {
        matches!(self, Self::Rpc(_))
    }

    /// Whether nothing that matters passes on it.
    pub(super) fn is_other(&self) -> bool {
        matches!(self, Self::Other)
    }

    /// Whether it cannot be told yet.
    pub(super) fn is_undecided(&self) -> bool {
        matches!(self, Self::Undecided(_))
    }

    /// What the client waits for, where HTTP tells it.
    pub(super) fn awaited(&self) -> Option<Awaited> {
        match self {
            Self::Leg(leg) | Self::Rpc(leg) if !leg.http.carries() => Some(leg.http.awaited()),
            _ => None,
        }
    }

    /// Whether the gateway said good-bye in the WebSocket.
    pub(super) fn is_closed_by_gateway(&self) -> bool {
        matches!(self, Self::Leg(leg) if leg.closed_by_gateway)
    }

    pub(super) fn take_said(&mut self) -> Vec<(Moment, LegEvent)> {
        match self {
            Self::Leg(leg) => std::mem::take(&mut leg.said),
            _ => Vec::new(),
        }
    }

    /// What passed, and what it shows.
    pub(super) fn plaintext(&mut self, from: Party, bytes: &[u8], at: Moment) -> Vec<Fact> {
        match self {
            Self::Undecided(kept) => {
                kept.push((from, at, bytes.to_vec()));
                self.decide()
            }
            Self::Leg(leg) | Self::Rpc(leg) => leg.plaintext(from, bytes, at),
            Self::Other => Vec::new(),
        }
    }

    fn decide(&mut self) -> Vec<Fact> {
        let Self::Undecided(kept) = self else { return Vec::new() };
        let own = kept.iter().filter(|(from, ..)| *from == Party::Client);
        let head: Vec<u8> = own.flat_map(|(_, _, bytes)| bytes).copied().collect();
        let total: usize = kept.iter().map(|(_, _, bytes)| bytes.len()).sum();
        let kept = std::mem::take(kept);
        let facts;
        (facts, *self) = match opening(&head) {
            Some(Opening::Gateway) => {
                let (facts, leg) = replayed(&kept);
                (facts, Self::Leg(leg))
            }
            Some(Opening::Rpc) => {
                let (facts, leg) = replayed(&kept);
                (facts, Self::Rpc(leg))
            }
            None if total <= MOST_UNDECIDED => (Vec::new(), Self::Undecided(kept)),
            _ => (Vec::new(), Self::Other),
        };
        facts
    }
}

/// What the bytes that were kept show of a gateway.
fn replayed(kept: &[(Party, Moment, Vec<u8>)]) -> (Vec<Fact>, Box<Leg>) {
    let mut leg = Leg::default();
    let facts = kept.iter().flat_map(|(from, at, bytes)| leg.plaintext(*from, bytes, *at));
    (facts.collect(), Box::new(leg))
}

impl Leg {
    fn plaintext(&mut self, from: Party, bytes: &[u8], at: Moment) -> Vec<Fact> {
        let mut facts = Vec::new();
        for event in self.http.feed(from, bytes) {
            match event {
                LegEvent::Fact(fact) => facts.push(fact),
                LegEvent::ClosedByGateway => self.closed_by_gateway = true,
                LegEvent::Begun(_) | LegEvent::Packet(..) => self.said.push((at, event)),
            }
        }
        facts
    }
}
