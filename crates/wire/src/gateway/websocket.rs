//! One direction of a WebSocket as it passes (RFC 6455 5): `tungstenite` reads the heads of frames, its
//! own streams are an end of the connection.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// The longest head of a frame.
const LONGEST_HEAD: usize = 14;

/// What comes out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Bytes of binary messages, in order.
    Bytes(Vec<u8>),
    /// The sender closed it.
    Close,
    /// It is no WebSocket that a gateway speaks.
    Broken(String),
}

/// One direction.
#[derive(Default)]
pub(super) struct Frames {
    head: Vec<u8>,
    frame: Option<Open>,
    broken: bool,
}

/// A frame whose content is coming.
struct Open {
    binary: bool,
    mask: Option<[u8; 4]>,
    /// Bytes of the content so far.
    passed: usize,
    left: u64,
}

impl Frames {
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Vec<Piece> {
        let mut pieces = Vec::new();
        while !bytes.is_empty() && !self.broken {
            let Some(frame) = &mut self.frame else {
                bytes = self.head(bytes, &mut pieces);
                continue;
            };
            let now = usize::try_from(frame.left).unwrap_or(usize::MAX).min(bytes.len());
            let (content, rest) = bytes.split_at(now);
            bytes = rest;
            if frame.binary {
                let place = frame.passed;
                let unmasked = content.iter().enumerate().map(|(at, byte)| match frame.mask {
                    Some(mask) => byte ^ mask[(place + at) % 4],
                    None => *byte,
                });
                pieces.push(Piece::Bytes(unmasked.collect()));
            }
            frame.passed = (frame.passed + now) % 4;
            frame.left -= now as u64;
            if frame.left == 0 {
                self.frame = None;
            }
        }
        pieces
    }

    /// Takes what belongs to a head, and gives what is behind it.
    fn head<'a>(&mut self, bytes: &'a [u8], pieces: &mut Vec<Piece>) -> &'a [u8] {
        let before = self.head.len();
        let most = LONGEST_HEAD.saturating_sub(before).min(bytes.len());
        self.head.extend_from_slice(&bytes[..most]);
        let mut cursor = Cursor::new(self.head.as_slice());
        let (header, length) = match FrameHeader::parse(&mut cursor) {
            Ok(Some(parsed)) => parsed,
            Ok(None) if most > 0 => return &bytes[most..],
            Ok(None) => {
                self.broken = true;
                return &[];
            }
            Err(error) => {
                self.broken = true;
                pieces.push(Piece::Broken(error.to_string()));
                return &[];
            }
        };
        let taken = usize::try_from(cursor.position()).unwrap_or(before).saturating_sub(before);
        self.head.clear();
        let binary = match header.opcode {
            OpCode::Data(Data::Binary | Data::Continue) => true,
            OpCode::Data(_) => {
                self.broken = true;
                pieces.push(Piece::Broken("a message of text".to_owned()));
                return &[];
            }
            OpCode::Control(control) => {
                if control == Control::Close {
                    pieces.push(Piece::Close);
                }
                false
            }
        };
        if length > 0 {
            self.frame = Some(Open { binary, mask: header.mask, passed: 0, left: length });
        }
        bytes.get(taken..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fed(bytes: &[u8], size: usize) -> (Vec<u8>, Vec<Piece>) {
        let mut frames = Frames::default();
        let (mut content, mut others) = (Vec::new(), Vec::new());
        for piece in bytes.chunks(size).flat_map(|chunk| frames.feed(chunk)) {
            match piece {
                Piece::Bytes(bytes) => content.extend(bytes),
                other => others.push(other),
            }
        }
        (content, others)
    }

    #[test]
    fn masked_or_not_in_pieces_of_every_size() {
        // The examples of RFC 6455 5.7, as binary, with a ping between and a close behind.
        let masked = [0x02, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58];
        let ping = [0x89, 0x02, 1, 2];
        let rest = [0x80, 0x02, b'l', b'o', 0x82, 0x7E, 0x00, 0x03, b'x', b'y', b'z', 0x88, 0x00];
        let whole = [&masked[..], &ping, &rest].concat();
        for size in 1..whole.len() {
            let (content, others) = fed(&whole, size);
            assert_eq!(content, b"Helloloxyz");
            assert_eq!(others, [Piece::Close]);
        }
    }

    #[test]
    fn text_and_reserved_numbers_are_none_of_a_gateways() {
        assert!(matches!(fed(&[0x81, 1, b'a', 0x82, 1, b'b'], 1).1.as_slice(), [Piece::Broken(_)]));
        assert!(matches!(fed(&[0x83, 1, b'a'], 9).1.as_slice(), [Piece::Broken(_)]));
    }

    proptest! {
        #[test]
        fn hostile_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), size in 1_usize..20) {
            let mut frames = Frames::default();
            for chunk in bytes.chunks(size) {
                frames.feed(chunk);
                prop_assert!(frames.head.len() <= LONGEST_HEAD);
            }
        }
    }
}
