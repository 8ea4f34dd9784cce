//! Both directions of a TCP connection: their bytes in an order in which nothing answers what was not seen
//! yet. A capture loses packets, and of some interfaces it has an answer before its question.

use rdpdoctor_model::Party;

use super::ip::Segment;
use super::side::{Moment, Piece, Pieces, Side};

/// How long an answer waits for what it answers: packets that a capture has in another order are not
/// further apart.
const LATE_NANOS: i64 = 20_000_000;

/// Bytes that wait so.
const MOST_WAITING: usize = 256 * 1024;

/// Both directions.
#[derive(Debug, Default)]
pub(super) struct Sides {
    client: Side,
    server: Side,
    /// What answers bytes that were acknowledged and not seen.
    waiting: Vec<(Party, Piece<'static>)>,
    waiting_bytes: usize,
    /// Since when the first of it waits.
    since: Option<Moment>,
}

impl Sides {
    /// Takes a segment in, and hands over what is in order now: of its own side, and behind that what had
    /// waited.
    pub(super) fn segment<'a>(
        &mut self,
        at: Moment,
        from: Party,
        segment: &Segment<'a>,
    ) -> (Pieces<'a>, Vec<(Party, Piece<'static>)>) {
        let (own, other) = self.of(from);
        let mut sequence = segment.sequence;
        if segment.syn {
            own.begin(sequence);
            sequence = sequence.wrapping_add(1);
        }
        if let Some(number) = segment.acknowledged {
            other.acknowledge(number);
        }
        let mut pieces = Pieces::new();
        // A reset's payload, if any, is a message to people.
        if !segment.rst {
            let (payload, missing) = (segment.payload, segment.missing);
            own.segment(at, sequence, payload, missing, segment.fin, &mut pieces);
        }
        self.in_order(at, from, pieces)
    }

    /// No hole is waited for any more.
    pub(super) fn give_up(&mut self, at: Moment) -> Vec<(Party, Piece<'static>)> {
        self.end(at, Side::give_up)
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self, at: Moment) -> Vec<(Party, Piece<'static>)> {
        self.end(at, Side::finish)
    }

    /// Bytes that wait for others.
    pub(super) fn held(&self) -> usize {
        self.client.held() + self.server.held() + self.waiting_bytes
    }

    /// Segments that came again: of the client, of the server.
    pub(super) fn repeated(&self) -> [u32; 2] {
        [self.client.repeated, self.server.repeated]
    }

    /// Whether a client's SYN with this number belongs to the same connection.
    pub(super) fn began_with(&self, sequence: u32) -> bool {
        self.client.began_with(sequence)
    }

    fn of(&mut self, from: Party) -> (&mut Side, &mut Side) {
        match from {
            Party::Client => (&mut self.client, &mut self.server),
            Party::Server => (&mut self.server, &mut self.client),
        }
    }

    fn in_order<'a>(
        &mut self,
        at: Moment,
        from: Party,
        mut own: Pieces<'a>,
    ) -> (Pieces<'a>, Vec<(Party, Piece<'static>)>) {
        if self.of(from).1.lacks() {
            for piece in own.drain(..) {
                self.waiting_bytes += length(&piece);
                self.waiting.push((from, piece.into_owned()));
                self.since.get_or_insert(at);
            }
        }
        if self.waiting.is_empty() {
            return (own, Vec::new());
        }
        let since = self.since.map_or(0, |since| at.nanos - since.nanos);
        let behind = if !self.client.lacks() && !self.server.lacks() {
            self.take_waiting()
        } else if since > LATE_NANOS || self.waiting_bytes > MOST_WAITING {
            self.end(at, Side::give_up_acknowledged)
        } else {
            Vec::new()
        };
        (own, behind)
    }

    /// Gives up what is missing on both sides, and hands over what waited for it.
    fn end(
        &mut self,
        at: Moment,
        give_up: fn(&mut Side, Moment, &mut Pieces<'static>),
    ) -> Vec<(Party, Piece<'static>)> {
        let mut all = Vec::new();
        for from in [Party::Client, Party::Server] {
            let mut pieces = Pieces::new();
            give_up(self.of(from).0, at, &mut pieces);
            all.extend(pieces.into_iter().map(|piece| (from, piece)));
        }
        all.append(&mut self.take_waiting());
        all
    }

    fn take_waiting(&mut self) -> Vec<(Party, Piece<'static>)> {
        (self.waiting_bytes, self.since) = (0, None);
        std::mem::take(&mut self.waiting)
    }
}

fn length(piece: &Piece<'_>) -> usize {
    match piece {
        Piece::Bytes(_, bytes) => bytes.len(),
        Piece::Hole(..) => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use rdpdoctor_model::PacketHead;

    use super::*;

    const CLIENT: ([u8; 4], u16) = ([10, 0, 0, 1], 50000);
    const SERVER: ([u8; 4], u16) = ([10, 0, 0, 2], 3389);

    /// Segments by millisecond, sender, number, acknowledged number and text, and what came of them: behind
    /// the bar what came at the end only.
    fn read(segments: &[(i64, Party, u32, u32, &str)]) -> String {
        let mut sides = Sides::default();
        let mut all = Vec::new();
        let at = |ms: i64| Moment { nanos: ms * 1_000_000, frame: 1 };
        for &(ms, from, sequence, acknowledged, text) in segments {
            let ends = [CLIENT, SERVER].map(SocketAddr::from);
            let (own, other) = if from == Party::Client { (0, 1) } else { (1, 0) };
            let segment = Segment {
                from: ends[own],
                to: ends[other],
                sequence,
                acknowledged: Some(acknowledged),
                syn: false,
                fin: false,
                rst: false,
                payload: text.as_bytes(),
                missing: 0,
                head: PacketHead { hops: 64, id: None },
            };
            let (own, behind) = sides.segment(at(ms), from, &segment);
            all.extend(own.into_iter().map(|piece| (from, piece)));
            all.extend(behind);
        }
        let at_end = sides.finish(at(1000));
        format!("{}|{}", text(&all), text(&at_end))
    }

    fn text(pieces: &[(Party, Piece<'_>)]) -> String {
        let each = pieces.iter().map(|(from, piece)| match (from, piece) {
            (Party::Client, Piece::Bytes(_, bytes)) => {
                String::from_utf8_lossy(bytes).to_uppercase()
            }
            (_, Piece::Bytes(_, bytes)) => String::from_utf8_lossy(bytes).into_owned(),
            (_, Piece::Hole(_, size)) => format!("<{size}>"),
        });
        each.collect()
    }

    #[test]
    fn an_answer_waits_for_its_question_for_a_while() {
        use Party::{Client, Server};
        let begun = [(0, Client, 100, 500, "ask"), (1, Server, 500, 103, "tell")];
        let late = [(5, Server, 504, 108, "more"), (6, Client, 103, 504, "again")];
        assert_eq!(read(&[begun, late].concat()), "ASKtellAGAINmore|");
        let lost = [(5, Server, 504, 108, "more"), (50, Server, 508, 108, "yet")];
        assert_eq!(read(&[begun, lost].concat()), "ASKtell<5>moreyet|");
    }

    #[test]
    fn of_one_direction_alone_nothing_is_missed() {
        let server = [(0, Party::Server, 500, 103, "tell"), (90, Party::Server, 504, 140, "more")];
        assert_eq!(read(&server), "tellmore|<37>");
    }
}
