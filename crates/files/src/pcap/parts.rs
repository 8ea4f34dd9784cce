//! The connections of a capture in parts, each followed by a thread of its own.
//!
//! Every part is handed the whole file, and takes the packets of its own servers: whatever belongs
//! together, all clients of a host, both channels to a gateway, an answer by ICMP, is of one part. So
//! what is found does not depend on the machine.

use std::io::{self, ErrorKind, Read};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::{panic, thread};

use super::ip::Packet;
use super::{KeyLog, Reader, frames};

/// How many.
pub(super) const PARTS: usize = 2;

/// The file is handed on in pieces of so many bytes, and so many of them wait for a part.
const PIECE: usize = 256 * 1024;
const WAITING: usize = 8;

/// A piece, or why there are no more.
type Piece = Result<Arc<Vec<u8>>, ErrorKind>;

/// Reads a file by all parts; each has ended its connections, and says how the file is broken.
///
/// # Errors
/// When the file does not begin as a capture does.
pub(super) fn read(
    file: impl Read,
    secrets: &KeyLog,
) -> Result<Vec<(Reader, Option<String>)>, String> {
    thread::scope(|scope| {
        let part = |part| {
            let (sender, pieces) = sync_channel(WAITING);
            let reader = Reader { part, secrets: secrets.clone(), ..Reader::default() };
            (sender, scope.spawn(move || follow(reader, pieces)))
        };
        let (senders, threads): (Vec<_>, Vec<_>) = (0..PARTS).map(part).unzip();
        hand_on(file, senders);
        let joined = threads.into_iter().map(thread::ScopedJoinHandle::join);
        joined.map(|read| read.unwrap_or_else(|cause| panic::resume_unwind(cause))).collect()
    })
}

/// Which part a packet belongs to.
pub(super) fn of(packet: &Packet<'_>) -> usize {
    match packet {
        Packet::Tcp(segment) => between(segment.from, segment.to),
        Packet::Udp(datagram) => between(datagram.from, datagram.to),
        Packet::Unreachable(message) => between(message.from, message.to),
        Packet::EchoReply { from } => of_host(*from),
    }
}

/// By the server, which as a rule has the lower port.
fn between(a: SocketAddr, b: SocketAddr) -> usize {
    of_host(if (a.port(), a.ip()) <= (b.port(), b.ip()) { a.ip() } else { b.ip() })
}

fn of_host(host: IpAddr) -> usize {
    let mixed =
        |octets: &[u8]| octets.iter().fold(0, |mixed: usize, octet| mixed + usize::from(*octet));
    match host {
        IpAddr::V4(v4) => mixed(&v4.octets()) % PARTS,
        IpAddr::V6(v6) => mixed(&v6.octets()) % PARTS,
    }
}

/// Hands a file on to those that still listen.
fn hand_on(mut file: impl Read, mut parts: Vec<SyncSender<Piece>>) {
    // All parts are done with a piece when so many more were taken: it is filled again.
    let mut ring: Vec<Arc<Vec<u8>>> = (0..WAITING + 3).map(|_| Arc::default()).collect();
    for place in (0..ring.len()).cycle() {
        let Some(slot) = ring.get_mut(place) else { return };
        let piece = Arc::make_mut(slot);
        piece.clear();
        let read = file.by_ref().take(PIECE as u64).read_to_end(piece);
        let is_last = piece.len() < PIECE;
        let filled = (!piece.is_empty()).then(|| Ok(Arc::clone(slot)));
        let pieces = [filled, read.err().map(|error| Err(error.kind()))];
        for piece in pieces.into_iter().flatten() {
            parts.retain(|part| part.send(piece.clone()).is_ok());
        }
        if is_last || parts.is_empty() {
            return;
        }
    }
}

/// Follows the connections of one part to the end of the file.
fn follow(mut reader: Reader, pieces: Receiver<Piece>) -> Result<(Reader, Option<String>), String> {
    let broken = frames::walk(Pieces { pieces, piece: Arc::default(), at: 0 }, &mut reader)?;
    reader.end_all();
    Ok((reader, broken))
}

/// The file as one part reads it.
struct Pieces {
    pieces: Receiver<Piece>,
    piece: Arc<Vec<u8>>,
    at: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() {
            let Ok(next) = self.pieces.recv() else { return Ok(0) };
            (self.piece, self.at) = (next?, 0);
        }
        let mut rest = self.piece.get(self.at..).unwrap_or_default();
        let length = rest.read(buffer)?;
        self.at += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_and_all_clients_of_a_server_are_of_one_part() {
        let at = |text: &str| text.parse::<SocketAddr>().expect("an address");
        for server in ["10.0.0.1:3389", "10.0.0.2:443", "[2001:db8::1]:3389", "[2001:db8::2]:3391"]
        {
            let server = at(server);
            for last in 0..8 {
                let client =
                    SocketAddr::new(IpAddr::from([192, 168, 7, last]), 49_152 + u16::from(last));
                assert_eq!(between(client, server), of_host(server.ip()));
                assert_eq!(between(server, client), of_host(server.ip()));
            }
        }
        let parts = (1..=20_u8).map(|last| of_host(IpAddr::from([10, 0, 0, last])));
        assert_eq!(parts.sum::<usize>(), 10, "each part has its share");
    }

    /// Fails behind so many bytes.
    struct Failing(usize);

    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len().min(self.0);
            self.0 -= length;
            if length == 0 { Err(ErrorKind::Other.into()) } else { Ok(length) }
        }
    }

    #[test]
    fn what_cannot_be_read_is_no_end() {
        for bytes in [10, PIECE, 3 * PIECE + 5] {
            let (sender, pieces) = sync_channel(WAITING);
            hand_on(Failing(bytes), vec![sender]);
            let mut read = Vec::new();
            let all = Pieces { pieces, piece: Arc::default(), at: 0 }.read_to_end(&mut read);
            assert_eq!(
                (all.map_err(|error| error.kind()), read.len()),
                (Err(ErrorKind::Other), bytes)
            );
        }
    }
}
