//! One direction of a TCP connection: its bytes in order, from segments in any order.
//!
//! Reassembly crates (`pcap-analyzer`'s, `rtshark`'s) come with a whole program around them, and none
//! tells what was lost on the network from what is missing in the capture.

use std::borrow::Cow;
use std::collections::BTreeMap;

use smallvec::SmallVec;

/// Bytes behind a hole that are kept until it is filled or given up.
const MOST_PENDING: usize = 256 * 1024;

/// What comes again within this time was captured twice, not sent twice: TCP waits for a round trip.
const TWICE_NANOS: i64 = 1_000_000;

/// Pieces behind a hole.
const MOST_PIECES: usize = 1024;

/// When and in which frame bytes came.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Moment {
    /// Nanoseconds since the capture began.
    pub(super) nanos: i64,
    /// The frame's number.
    pub(super) frame: u64,
}

impl Moment {
    /// Milliseconds since the capture began.
    #[expect(clippy::cast_precision_loss, reason = "2^53 ns are a hundred days")]
    pub(super) fn ms(self) -> f64 {
        self.nanos as f64 / 1e6
    }
}

/// What comes out.
#[derive(Debug, PartialEq)]
pub(super) enum Piece<'a> {
    /// Bytes in order: those of the segment itself, or such as waited.
    Bytes(Moment, Cow<'a, [u8]>),
    /// So many bytes are not in the capture, though the other side has them.
    Hole(Moment, u64),
}

/// What comes out of one segment: it is one piece as a rule, and needs no memory of its own.
pub(super) type Pieces<'a> = SmallVec<[Piece<'a>; 1]>;

impl Piece<'_> {
    /// The same, to be kept.
    pub(super) fn into_owned(self) -> Piece<'static> {
        match self {
            Self::Bytes(at, bytes) => Piece::Bytes(at, bytes.into_owned().into()),
            Self::Hole(at, size) => Piece::Hole(at, size),
        }
    }
}

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Side {
    /// The sequence number of the next byte in order.
    next: Option<u32>,
    /// Bytes behind a hole, by their distance from the first byte of the connection.
    pending: BTreeMap<u64, (Moment, Vec<u8>)>,
    pending_bytes: usize,
    /// Distance of the next byte in order from the first byte.
    offset: u64,
    /// How far the other side has acknowledged.
    acknowledged: u64,
    /// Where it ended, and when.
    pub(super) fin: Option<(u64, Moment)>,
    /// Whether anything of this direction was captured.
    is_seen: bool,
    /// Segments that came again.
    pub(super) repeated: u32,
    /// When its last bytes came.
    pub(super) last_bytes: Option<Moment>,
}

impl Side {
    /// The SYN says where it begins.
    pub(super) fn begin(&mut self, sequence: u32) {
        self.is_seen = true;
        if self.next.is_none() {
            self.next = Some(sequence.wrapping_add(1));
        }
    }

    /// Whether a SYN with this number belongs to the same connection.
    pub(super) fn began_with(&self, sequence: u32) -> bool {
        let first = self.next.map(|next| next.wrapping_sub(low(self.offset)));
        first.is_none_or(|first| first == sequence.wrapping_add(1))
    }

    /// Takes a segment in. `missing` bytes at its end were not captured.
    pub(super) fn segment<'a>(
        &mut self,
        at: Moment,
        sequence: u32,
        payload: &'a [u8],
        missing: u32,
        fin: bool,
        out: &mut Pieces<'a>,
    ) {
        let next = *self.next.get_or_insert(sequence);
        let Some(mut start) = self.place(next, sequence) else {
            // Before the first byte that is known: a repetition, or a keep-alive.
            return;
        };
        let end = start + payload.len() as u64;
        if fin {
            self.fin.get_or_insert((end + u64::from(missing), at));
        }
        if payload.is_empty() && missing == 0 {
            return;
        }
        self.is_seen = true;
        let mut bytes = payload;
        if start < self.offset {
            // A keep-alive repeats one byte (RFC 9293 3.8.4).
            if end <= self.offset && payload.len() > 1 && !self.seen_twice(at) {
                self.repeated += 1;
            }
            let known = usize::try_from(self.offset - start).unwrap_or(usize::MAX);
            let Some(rest) = bytes.get(known..) else { return };
            (bytes, start) = (rest, self.offset);
        }
        if !bytes.is_empty() {
            self.last_bytes = Some(at);
            if start == self.offset {
                self.deliver(at, bytes.into(), out);
            } else {
                self.keep(start, at, bytes);
            }
        }
        self.drain(out);
        let overfull = self.pending_bytes > MOST_PENDING || self.pending.len() > MOST_PIECES;
        if overfull {
            self.give_up_hole(at, out);
        }
        if missing > 0 && self.offset == end {
            // The rest of the segment was cut off when it was captured.
            self.hole(at, end + u64::from(missing), out);
            self.drain(out);
        }
    }

    /// On some interfaces a capture sees each packet going out and coming in.
    fn seen_twice(&self, at: Moment) -> bool {
        self.last_bytes.is_some_and(|last| at.nanos - last.nanos < TWICE_NANOS)
    }

    /// The other side has everything before this number.
    pub(super) fn acknowledge(&mut self, number: u32) {
        // Of a direction that was not captured so far, the bytes before are of no interest.
        let next = *self.next.get_or_insert(number);
        if let Some(place) = self.place(next, number) {
            // The FIN takes a number as well.
            let most = self.fin.map_or(place, |(fin, _)| place.min(fin));
            self.acknowledged = self.acknowledged.max(most);
        }
    }

    /// Whether the other side has bytes that were not seen here yet.
    pub(super) fn lacks(&self) -> bool {
        self.is_seen && self.acknowledged > self.offset
    }

    /// What the other side has and was not seen does not come any more.
    pub(super) fn give_up_acknowledged(&mut self, at: Moment, out: &mut Pieces<'_>) {
        while self.lacks() {
            let pending = self.pending.keys().next().copied();
            let until = pending.map_or(self.acknowledged, |start| start.min(self.acknowledged));
            self.hole(at, until, out);
            self.drain(out);
        }
    }

    /// Nothing more comes: what was waited for is given up, and what the other side acknowledged is
    /// known to be missing.
    pub(super) fn finish(&mut self, at: Moment, out: &mut Pieces<'_>) {
        self.give_up(at, out);
        if self.acknowledged > self.offset {
            self.hole(at, self.acknowledged, out);
        }
    }

    /// No hole is waited for any more.
    pub(super) fn give_up(&mut self, at: Moment, out: &mut Pieces<'_>) {
        while !self.pending.is_empty() {
            self.give_up_hole(at, out);
        }
    }

    /// Bytes that wait for others.
    pub(super) fn held(&self) -> usize {
        self.pending_bytes
    }

    fn give_up_hole(&mut self, at: Moment, out: &mut Pieces<'_>) {
        if let Some(&start) = self.pending.keys().next() {
            self.hole(at, start, out);
            self.drain(out);
        }
    }

    fn hole(&mut self, at: Moment, until: u64, out: &mut Pieces<'_>) {
        if until <= self.offset {
            return;
        }
        out.push(Piece::Hole(at, until - self.offset));
        self.advance(until - self.offset);
    }

    fn keep(&mut self, start: u64, at: Moment, bytes: &[u8]) {
        if let Some((_, known)) = self.pending.get(&start) {
            if known.len() >= bytes.len() {
                if !self.seen_twice(at) {
                    self.repeated += 1;
                }
                return;
            }
            self.pending_bytes -= known.len();
        }
        self.pending_bytes += bytes.len();
        self.pending.insert(start, (at, bytes.to_vec()));
    }

    /// Hands over what is in order now.
    fn drain(&mut self, out: &mut Pieces<'_>) {
        while let Some(entry) = self.pending.first_entry() {
            if *entry.key() > self.offset {
                return;
            }
            let (start, (at, mut bytes)) = entry.remove_entry();
            self.pending_bytes -= bytes.len();
            let known = usize::try_from(self.offset - start).unwrap_or(usize::MAX);
            bytes.drain(..known.min(bytes.len()));
            if !bytes.is_empty() {
                self.deliver(at, bytes.into(), out);
            }
        }
    }

    fn deliver<'a>(&mut self, at: Moment, bytes: Cow<'a, [u8]>, out: &mut Pieces<'a>) {
        self.advance(bytes.len() as u64);
        out.push(Piece::Bytes(at, bytes));
    }

    fn advance(&mut self, by: u64) {
        self.offset += by;
        self.next = self.next.map(|next| next.wrapping_add(low(by)));
    }

    /// The distance of a sequence number from the first byte; `None` when it lies before it.
    fn place(&self, next: u32, sequence: u32) -> Option<u64> {
        let distance = i64::from(sequence.wrapping_sub(next).cast_signed());
        self.offset.checked_add_signed(distance)
    }
}

/// Sequence numbers have 32 bits and begin anew.
#[expect(clippy::cast_possible_truncation, reason = "modulo 2^32 is what is meant")]
fn low(value: u64) -> u32 {
    value as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(frame: u64) -> Moment {
        Moment { nanos: i64::try_from(frame).unwrap_or(0) * 5_000_000, frame }
    }

    fn text(pieces: &[Piece]) -> String {
        let each = pieces.iter().map(|piece| match piece {
            Piece::Bytes(_, bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Piece::Hole(_, size) => format!("<{size}>"),
        });
        each.collect()
    }

    #[test]
    fn reordered_repeated_and_overlapping() {
        let mut side = Side::default();
        let mut out = Pieces::new();
        side.begin(u32::MAX - 2);
        let first = u32::MAX - 1;
        side.segment(at(1), first, b"ab", 0, false, &mut out);
        side.segment(at(2), first.wrapping_add(4), b"ef", 0, false, &mut out);
        side.segment(at(3), first, b"ab", 0, false, &mut out);
        side.segment(at(4), first.wrapping_add(1), b"bcde", 0, false, &mut out);
        side.segment(at(5), first.wrapping_add(6), b"g", 0, true, &mut out);
        assert_eq!(text(&out), "abcdefg");
        assert_eq!((side.repeated, side.fin), (1, Some((7, at(5)))));
    }

    #[test]
    fn what_was_acknowledged_and_not_captured_is_a_hole() {
        let mut side = Side::default();
        let mut out = Pieces::new();
        side.begin(99);
        side.segment(at(1), 100, b"ab", 0, false, &mut out);
        side.segment(at(2), 105, b"f", 0, false, &mut out);
        assert_eq!(text(&out), "ab", "it may still come");
        side.acknowledge(110);
        side.finish(at(3), &mut out);
        assert_eq!(text(&out), "ab<3>f<4>");
    }

    #[test]
    fn a_segment_that_was_cut_when_captured() {
        let mut side = Side::default();
        let mut out = Pieces::new();
        side.begin(99);
        side.segment(at(1), 100, b"ab", 10, false, &mut out);
        side.segment(at(2), 112, b"c", 0, false, &mut out);
        assert_eq!(text(&out), "ab<10>c");
    }

    proptest! {
        /// Whatever order segments come in, the bytes are those that were sent.
        #[test]
        fn any_order_gives_the_same_bytes(
            content in proptest::collection::vec(any::<u8>(), 1..300),
            cuts in proptest::collection::vec((0_usize..300, 1_usize..40), 0..60),
            start in any::<u32>(),
        ) {
            let mut side = Side::default();
            side.begin(start.wrapping_sub(1));
            let mut out = Pieces::new();
            let whole = (0..content.len()).map(|at| (at, 1));
            for (number, (from, length)) in cuts.into_iter().chain(whole).enumerate() {
                let from = from.min(content.len());
                let to = (from + length).min(content.len());
                let sequence = start.wrapping_add(u32::try_from(from).unwrap_or(0));
                side.segment(at(number as u64), sequence, &content[from..to], 0, false, &mut out);
            }
            let bytes: Vec<u8> = out.iter().flat_map(|piece| match piece {
                Piece::Bytes(_, bytes) => bytes.to_vec(),
                Piece::Hole(..) => vec![0xEE; 1000],
            }).collect();
            prop_assert_eq!(&bytes, &content);
        }

        #[test]
        fn memory_stays_bounded(segments in proptest::collection::vec((any::<u32>(), 0_usize..2000), 0..400)) {
            let mut side = Side::default();
            for (sequence, length) in segments {
                side.segment(at(0), sequence, &vec![0; length], 0, false, &mut Pieces::new());
                prop_assert!(side.pending_bytes <= MOST_PENDING + 2000);
            }
            side.finish(at(1), &mut Pieces::new());
            prop_assert_eq!(side.pending_bytes, 0);
        }
    }
}
