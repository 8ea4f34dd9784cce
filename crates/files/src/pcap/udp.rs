//! RDP over UDP beside a connection: whether its handshake came about (MS-RDPEUDP 3.1.5.1). What
//! follows is encrypted in a way of its own and is not read.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use rdpdoctor_model::{Fact, Hex, Icmp, Lookup, Purpose, Stage, StageOutcome, Transport, UdpReply};
use rdpdoctor_wire::udp::{offered_version, read_syn_ack};

use super::conversation::Event;
use super::ip::{Datagram, Unreachable};
use super::side::Moment;

/// Handshakes that are kept.
const MOST_KEPT: usize = 2000;

/// Handshakes that are told of where nothing else is there to tell.
const MOST_TOLD: usize = 4;

/// Handshakes of one try: reliable and lossy, each asked for anew once.
const MOST_OF_A_TRY: usize = 4;

/// The least MTU of RDP over UDP (MS-RDPEUDP 2.2.2.5), to which a SYN is padded.
const SHORTEST_SYN: usize = 1132;

/// How long an answer is waited for before its absence is silence.
const SILENCE_NANOS: i64 = 1_800_000_000;

const MANY_TRIES: u32 = 3;

/// All handshakes in a capture, by client and server.
#[derive(Default)]
pub(super) struct Handshakes(BTreeMap<(SocketAddr, SocketAddr), Handshake>);

struct Handshake {
    first: Moment,
    last: Moment,
    tries: u32,
    /// snInitialSequenceNumber of the SYN.
    sequence: u32,
    /// uUdpVer of the SYN.
    offered: Option<u16>,
    reply: Option<(Moment, UdpReply)>,
}

impl Handshakes {
    pub(super) fn datagram(&mut self, at: Moment, datagram: &Datagram<'_>) {
        let Datagram { from, to, payload } = datagram;
        if let Some(sequence) = syn(payload) {
            if self.0.len() < MOST_KEPT || self.0.contains_key(&(*from, *to)) {
                let handshake = self.0.entry((*from, *to)).or_insert_with(|| Handshake {
                    first: at,
                    last: at,
                    tries: 0,
                    sequence,
                    offered: offered_version(payload),
                    reply: None,
                });
                handshake.tries = handshake.tries.saturating_add(1);
                handshake.last = at;
            }
        } else if let Some(handshake) = self.0.get_mut(&(*to, *from)) {
            handshake.answered(at, payload);
        }
    }

    /// Takes what was seen between other ends.
    pub(super) fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(super) fn unreachable(&mut self, at: Moment, message: &Unreachable) {
        if let Some(handshake) = self.0.get_mut(&(message.from, message.to)) {
            let icmp = Icmp {
                ip_version: message.ip_version,
                kind: message.kind,
                code: message.code,
                from: Some(message.by),
            };
            let reply = UdpReply::Rejected { icmp: Lookup::seen(icmp), os_error: None };
            handshake.reply.get_or_insert((at, reply));
        }
    }

    /// Those between a client and a server that began in this span as facts, each with the number of its
    /// connection, from `number` on. `until` is when the capture ends.
    pub(super) fn between(
        &self,
        client: IpAddr,
        server: SocketAddr,
        span: (i64, i64),
        until: i64,
        number: u32,
    ) -> Vec<(u32, Event)> {
        let mut own: Vec<_> = self
            .0
            .iter()
            .filter(|((from, to), handshake)| {
                let begun = handshake.first.nanos;
                from.ip() == client && *to == server && (span.0..=span.1).contains(&begun)
            })
            .collect();
        own.sort_by_key(|(_, handshake)| handshake.first.nanos);
        own.truncate(MOST_OF_A_TRY);
        let numbered = (number..).zip(own);
        numbered
            .flat_map(|(number, ((local, remote), handshake))| {
                let events = handshake.events(*local, *remote, until, number);
                events.map(|event| (number, event))
            })
            .collect()
    }

    /// In words, for a capture that holds nothing else.
    pub(super) fn words(&self) -> Vec<String> {
        let each = self.0.iter().take(MOST_TOLD).map(|((client, server), handshake)| {
            let answer = match handshake.reply {
                Some((_, UdpReply::SynAck { .. })) => "answered",
                Some(_) => "rejected",
                None => "not answered",
            };
            format!("RDP over UDP from {client} to {server} was {answer}")
        });
        each.collect()
    }
}

impl Handshake {
    fn events(&self, local: SocketAddr, remote: SocketAddr, until: i64, number: u32) -> [Event; 3] {
        let (at, reply) = self.outcome(until);
        let elapsed_ms = at.ms() - self.first.ms();
        let (outcome, reason) = match reply {
            UdpReply::NotAwaited => {
                (StageOutcome::Skipped, Some("the capture ends here".to_owned()))
            }
            _ => (StageOutcome::Passed, None),
        };
        let (purpose, transport, local) = (Purpose::Udp, Transport::Udp, Some(local));
        let (offered, tries) = (self.offered, self.tries);
        let event = |at, fact| Event { stage: Stage::Udp, at, fact };
        [
            event(self.first, Fact::Connection { number, purpose, transport, remote, local }),
            event(at, Fact::UdpProbe { remote, offered, tries, reply, elapsed_ms }),
            event(at, Fact::StageEnded { outcome, reason, elapsed_ms }),
        ]
    }

    fn answered(&mut self, at: Moment, payload: &[u8]) {
        if self.reply.is_some() {
            return;
        }
        let reply = match read_syn_ack(payload, self.sequence) {
            Some(read) => UdpReply::SynAck {
                version: read.version,
                upstream_mtu: read.upstream_mtu,
                downstream_mtu: read.downstream_mtu,
            },
            None => UdpReply::Malformed { bytes: Hex(payload[..payload.len().min(32)].to_vec()) },
        };
        self.reply = Some((at, reply));
    }

    fn outcome(&self, until: i64) -> (Moment, UdpReply) {
        match &self.reply {
            Some((at, reply)) => (*at, reply.clone()),
            // A client that asks so often waited for an answer each time.
            None if self.tries >= MANY_TRIES || until - self.first.nanos >= SILENCE_NANOS => {
                let nanos = until.min(self.last.nanos.saturating_add(SILENCE_NANOS));
                (Moment { nanos, frame: self.last.frame }, UdpReply::Silence)
            }
            None => (self.last, UdpReply::NotAwaited),
        }
    }
}

/// The initial sequence number of a SYN (MS-RDPEUDP 2.2.2.1 and 2.2.2.5): it acknowledges nothing
/// and is padded.
fn syn(payload: &[u8]) -> Option<u32> {
    const SYN: u16 = 0x0001;
    const ACK: u16 = 0x0004;
    let [0xFF, 0xFF, 0xFF, 0xFF, _, _, high, low, a, b, c, d, ..] = *payload else { return None };
    let flags = u16::from_be_bytes([high, low]);
    let begins = flags & SYN != 0 && flags & ACK == 0 && payload.len() >= SHORTEST_SYN;
    begins.then(|| u32::from_be_bytes([a, b, c, d]))
}
