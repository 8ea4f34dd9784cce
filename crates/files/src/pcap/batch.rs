//! Packets on their way to what follows their connections.

use super::ip::Packet;
use super::side::Moment;

/// So much is handed on at once: bytes, and packets.
const BYTES: usize = 256 * 1024;
const PACKETS: usize = 4096;

/// Something of a file.
pub(super) enum Item<'a> {
    Packet(Packet<'a>),
    /// A key log of TLS.
    Secrets(&'a [u8]),
}

/// What of a file comes one after the other.
#[derive(Default)]
pub(super) struct Batch {
    items: Vec<Held>,
    bytes: Vec<u8>,
}

/// An item without its bytes, which are the next so many of the batch's.
struct Held {
    at: Moment,
    packet: Option<Packet<'static>>,
    length: usize,
}

impl Batch {
    pub(super) fn push(&mut self, at: Moment, item: &Item<'_>) {
        let (packet, bytes) = match item {
            Item::Packet(packet) => (Some(packet.with(&[])), packet.payload()),
            Item::Secrets(text) => (None, *text),
        };
        self.bytes.extend_from_slice(bytes);
        self.items.push(Held { at, packet, length: bytes.len() });
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= BYTES || self.items.len() >= PACKETS
    }

    /// Empties it for others.
    pub(super) fn clear(&mut self) {
        self.items.clear();
        self.bytes.clear();
    }

    /// Hands over what is in it, in order.
    pub(super) fn each(&self, mut take: impl FnMut(Moment, Item<'_>)) {
        let mut rest = self.bytes.as_slice();
        for held in &self.items {
            let Some((bytes, behind)) = rest.split_at_checked(held.length) else { return };
            rest = behind;
            let packet = held.packet.as_ref().map(|packet| Item::Packet(packet.with(bytes)));
            take(held.at, packet.unwrap_or(Item::Secrets(bytes)));
        }
    }
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::PacketHead;

    use super::*;
    use crate::pcap::ip::{Datagram, Segment};

    #[test]
    fn what_comes_out_is_what_went_in() {
        let (from, to) = (([10, 0, 0, 1], 50_000).into(), ([10, 0, 0, 2], 3389).into());
        let segment = |payload| {
            Item::Packet(Packet::Tcp(Segment {
                from,
                to,
                sequence: 7,
                acknowledged: None,
                syn: false,
                fin: true,
                rst: false,
                payload,
                missing: 2,
                head: PacketHead { hops: 64, id: None },
            }))
        };
        let datagram =
            Item::Packet(Packet::Udp(Datagram { from: to, to: from, payload: b"answer" }));
        let items = [segment(b"first"), Item::Secrets(b"key"), segment(b""), datagram];
        let mut batch = Batch::default();
        for _ in 0..2 {
            batch.clear();
            for (frame, item) in (1..).zip(&items) {
                batch.push(Moment { nanos: 0, frame }, item);
            }
        }
        let mut out = Vec::new();
        batch.each(|at, item| {
            out.push(match item {
                Item::Packet(Packet::Tcp(segment)) => {
                    assert!((segment.from, segment.sequence, segment.fin) == (from, 7, true));
                    (at.frame, "segment", segment.payload.to_vec())
                }
                Item::Packet(packet) => (at.frame, "datagram", packet.payload().to_vec()),
                Item::Secrets(text) => (at.frame, "secrets", text.to_vec()),
            });
        });
        let expected: [(u64, &str, &[u8]); 4] = [
            (1, "segment", b"first"),
            (2, "secrets", b"key"),
            (3, "segment", b""),
            (4, "datagram", b"answer"),
        ];
        assert_eq!(out, expected.map(|(frame, kind, bytes)| (frame, kind, bytes.to_vec())));
    }

    #[test]
    fn neither_bytes_nor_packets_grow_without_limit() {
        let mut batch = Batch::default();
        let mut pushed = 0;
        while !batch.is_full() {
            batch.push(Moment::default(), &Item::Secrets(b""));
            pushed += 1;
        }
        assert_eq!(pushed, PACKETS);
        batch.clear();
        batch.push(Moment::default(), &Item::Secrets(&[0; BYTES]));
        assert!(batch.is_full());
    }
}
