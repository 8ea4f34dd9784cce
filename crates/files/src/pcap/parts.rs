//! The connections of a capture in parts, each followed by a thread of its own.
//!
//! A file is read once, down to its packets, and each is handed to the part of its server: whatever
//! belongs together, all clients of a host, both channels to a gateway, an answer by ICMP, is of one
//! part. So what is found does not depend on the machine.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::{mem, panic, thread};

use super::batch::{Batch, Item};
use super::frames::{self, Frame, Visitor};
use super::ip::{self, Packet};
use super::side::Moment;
use super::{KeyLog, Reader, link};

/// How many.
pub(super) const PARTS: usize = 2;

/// So many batches wait for a part.
const WAITING: usize = 16;

/// What the frames of a file say as such.
#[derive(Default)]
pub(super) struct Frames {
    /// Nanoseconds since 1970 at the first one.
    pub(super) began: Option<i64>,
    /// The last one.
    last: Moment,
    /// Those of link types that cannot be read.
    pub(super) unknown_links: BTreeMap<i32, u64>,
    /// How the file breaks off.
    pub(super) broken: Option<String>,
}

/// Reads a file; all parts have ended their connections.
///
/// # Errors
/// When the file does not begin as a capture does.
pub(super) fn read(
    file: impl Read + Send,
    secrets: &KeyLog,
) -> Result<(Vec<Reader>, Frames), String> {
    thread::scope(|scope| {
        let part = |_| {
            let (batches, received) = sync_channel(WAITING);
            let (spare, emptied) = channel();
            let reader = Reader { secrets: secrets.clone(), ..Reader::default() };
            let thread = scope.spawn(move || follow(reader, received, spare));
            (Part { batches, emptied, filling: Batch::default() }, thread)
        };
        let (parts, threads): (Vec<_>, Vec<_>) = (0..PARTS).map(part).unzip();
        let mut sorter =
            Sorter { frames: Frames::default(), packets: ip::Reader::default(), parts };
        let read = frames::walk(file, &mut sorter);
        let mut frames = sorter.end();
        let joined = threads.into_iter().map(thread::ScopedJoinHandle::join);
        let readers =
            joined.map(|read| read.unwrap_or_else(|cause| panic::resume_unwind(cause))).collect();
        frames.broken = read?;
        Ok((readers, frames))
    })
}

/// Follows the connections of one part to the end of the file.
fn follow(mut reader: Reader, batches: Receiver<Handed>, spare: Sender<Batch>) -> Reader {
    for handed in batches {
        match handed {
            Handed::Batch(mut batch) => {
                batch.each(|at, item| reader.item(at, &item));
                batch.clear();
                // Nobody wants it where the file is at its end.
                let _ = spare.send(batch);
            }
            Handed::End(last) => reader.end_all(last),
        }
    }
    reader
}

/// What a part is given.
enum Handed {
    Batch(Batch),
    /// The file's end, and its last frame.
    End(Moment),
}

/// The way to a part.
struct Part {
    batches: SyncSender<Handed>,
    /// Batches to be filled again.
    emptied: Receiver<Batch>,
    filling: Batch,
}

impl Part {
    fn push(&mut self, at: Moment, item: &Item<'_>) {
        self.filling.push(at, item);
        if self.filling.is_full() {
            self.hand_on();
        }
    }

    fn hand_on(&mut self) {
        let next = self.emptied.try_recv().unwrap_or_default();
        let full = mem::replace(&mut self.filling, next);
        // Who does not listen has failed, which is said when it is waited for.
        let _ = self.batches.send(Handed::Batch(full));
    }
}

/// Takes a file apart.
struct Sorter {
    frames: Frames,
    packets: ip::Reader,
    parts: Vec<Part>,
}

impl Visitor for Sorter {
    fn frame(&mut self, frame: &Frame<'_>) {
        let Frames { began, last, unknown_links, .. } = &mut self.frames;
        if let Some(nanos) = frame.nanos {
            let began = *began.get_or_insert(nanos);
            last.nanos = nanos.saturating_sub(began).max(0);
        }
        last.frame = frame.number;
        if !link::is_known(frame.link) {
            *unknown_links.entry(frame.link).or_default() += 1;
            return;
        }
        let Some(packet) = link::ip(frame.link, frame.data) else { return };
        self.packets.read(packet, &mut |packet| {
            if let Some(part) = self.parts.get_mut(of(packet)) {
                part.push(*last, &Item::Packet(*packet));
            }
        });
    }

    fn secrets(&mut self, text: &[u8]) {
        for part in &mut self.parts {
            part.push(self.frames.last, &Item::Secrets(text));
        }
    }
}

impl Sorter {
    /// Hands on what is left, and says that nothing more comes.
    fn end(self) -> Frames {
        for mut part in self.parts {
            part.hand_on();
            let _ = part.batches.send(Handed::End(self.frames.last));
        }
        self.frames
    }
}

/// Which part a packet belongs to.
fn of(packet: &Packet<'_>) -> usize {
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
}
