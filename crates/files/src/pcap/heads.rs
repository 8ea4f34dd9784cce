//! The headers of what a server sends on one connection: a device on the way that ends it in the
//! server's name sends from another place.

use rdpdoctor_model::{Ending, Fact, PacketHead};

use super::ip::Segment;

/// Different TTLs that are kept; routes change seldom.
const MOST_TTLS: usize = 8;

/// The headers of the server's packets.
#[derive(Default)]
pub(super) struct Heads {
    syn_ack: Option<PacketHead>,
    data_hops: Vec<u8>,
    data_id: Option<u16>,
    end: Option<(PacketHead, Ending)>,
}

impl Heads {
    /// Takes a segment of the server in, up to the one that ends the connection.
    pub(super) fn segment(&mut self, segment: &Segment<'_>) {
        if self.end.is_some() {
            return;
        }
        let head = segment.head;
        if segment.rst {
            self.end = Some((head, Ending::Reset));
        } else if segment.syn {
            self.syn_ack.get_or_insert(head);
        } else if !segment.payload.is_empty() || segment.missing > 0 {
            if !self.data_hops.contains(&head.hops) && self.data_hops.len() < MOST_TTLS {
                self.data_hops.push(head.hops);
            }
            self.data_id = head.id;
        }
        // The last data come with the end as a rule.
        if segment.fin && !segment.rst {
            self.end = Some((head, Ending::Fin));
        }
    }

    /// What they tell, where the server ended the connection and there is something to compare.
    pub(super) fn fact(self) -> Option<Fact> {
        let (end, ending) = self.end?;
        if self.syn_ack.is_none() && self.data_hops.is_empty() {
            return None;
        }
        let Self { syn_ack, data_hops, data_id, .. } = self;
        Some(Fact::ServerHeads { ending, end, syn_ack, data_hops, data_id })
    }
}
