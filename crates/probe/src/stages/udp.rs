//! Does UDP get through? One handshake of RDP over UDP (MS-RDPEUDP 3.1.5.1) to the same port, beside
//! the main path: a SYN, sent again while nothing comes, and one ACK for the answer. Nothing follows.
//! Which version a SYN offers, and when, is `crate::transport`'s to say.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use openssl::rand::rand_bytes;
use rdpdoctor_model::{Fact, Hex, Lookup, Purpose, Stage, StageOutcome, Transport, UdpReply};
use rdpdoctor_wire::encode;
use rdpdoctor_wire::udp::{self, Offer};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::dns::millis;
use super::tcp::error_queue;
use crate::context::Context;
use crate::{Journal, winsock};

/// How often a SYN is sent, and how long each is given. Version 2 waits 300 ms at least
/// (MS-RDPEUDP 2.2.2.9).
const MOST_TRIES: u32 = 3;
const BETWEEN_TRIES: Duration = Duration::from_millis(500);

/// How long the whole takes at most.
pub(crate) const LONGEST: Duration = Duration::from_millis(1800);

/// Asks, and writes down what came.
pub(crate) async fn run(context: Context, remote: SocketAddr, offer: Offer) {
    let journal = Arc::clone(&context.journal);
    let number = journal.next_connection();
    let begun = Instant::now();
    let mut asking = Asking {
        journal,
        number,
        remote,
        offer,
        begun,
        tries: 0,
        local: None,
        reply: UdpReply::NotAwaited,
    };
    asking.reply = match asking.exchange().await {
        Ok(reply) => reply,
        Err(error) => UdpReply::Rejected { icmp: Lookup::Absent, os_error: error.raw_os_error() },
    };
}

/// A handshake under way; what became of it is written down however it ends.
struct Asking {
    journal: Arc<Journal>,
    number: u32,
    remote: SocketAddr,
    offer: Offer,
    begun: Instant,
    tries: u32,
    local: Option<SocketAddr>,
    reply: UdpReply,
}

impl Asking {
    async fn exchange(&mut self) -> io::Result<UdpReply> {
        let remote = self.remote;
        let socket = Socket::new(Domain::for_address(remote), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        error_queue::request(&socket, remote);
        socket.connect(&remote.into())?;
        let socket = UdpSocket::from_std(socket.into())?;
        self.local = socket.local_addr().ok();
        if let Some(local) = self.local {
            self.journal.opened(Transport::Udp, local, remote);
        }

        let (mut first, mut id) = ([0; 4], [0; 16]);
        rand_bytes(&mut first)?;
        rand_bytes(&mut id)?;
        let first = u32::from_be_bytes(first);
        let syn =
            udp::syn(first, encode::correlation_id(id), self.offer).map_err(io::Error::other)?;
        let mut buffer = [0; udp::LONGEST_DATAGRAM + 1];
        while self.tries < MOST_TRIES {
            self.tries += 1;
            let sent = socket.send(&syn).await;
            let received = match sent {
                Err(error) => Ok(Err(error)),
                Ok(_) => {
                    let until = Instant::now() + BETWEEN_TRIES;
                    timeout_at(until, winsock::receive(&socket, &mut buffer)).await
                }
            };
            match received {
                Err(_) => {}
                Ok(Err(error)) if winsock::is_longer_than_asked(&error) => {
                    return Ok(answer(&socket, &buffer, first).await);
                }
                Ok(Err(error)) => {
                    let icmp = winsock::port_unreachable(&error, remote.ip())
                        .map_or_else(|| error_queue::read(&socket, remote), Lookup::seen);
                    return Ok(UdpReply::Rejected { icmp, os_error: error.raw_os_error() });
                }
                Ok(Ok(length)) => return Ok(answer(&socket, &buffer[..length], first).await),
            }
        }
        Ok(UdpReply::Silence)
    }
}

/// Reads the answer and acknowledges it.
async fn answer(socket: &UdpSocket, datagram: &[u8], first: u32) -> UdpReply {
    let Some(read) = udp::read_syn_ack(datagram, first) else {
        return UdpReply::Malformed { bytes: Hex(datagram[..datagram.len().min(32)].to_vec()) };
    };
    if let Ok(ack) = udp::ack(&read) {
        // What becomes of it nobody waits for.
        let _ = socket.send(&ack).await;
    }
    UdpReply::SynAck {
        version: read.version,
        upstream_mtu: read.upstream_mtu,
        downstream_mtu: read.downstream_mtu,
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let elapsed_ms = millis(self.begun.elapsed());
        let (number, remote, tries) = (self.number, self.remote, self.tries);
        let note = |at_ms: f64, fact| self.journal.note_at(at_ms, Stage::Udp, Some(number), fact);
        let now = self.journal.elapsed_ms();
        let (purpose, transport, local) = (Purpose::Udp, Transport::Udp, self.local);
        note(now - elapsed_ms, Fact::Connection { number, purpose, transport, remote, local });
        let (outcome, reason) = match self.reply {
            UdpReply::NotAwaited => {
                let why = "not waited for: the rest was done first (--deep waits)".to_owned();
                (StageOutcome::Skipped, Some(why))
            }
            _ => (StageOutcome::Passed, None),
        };
        let (offered, reply) = (Some(self.offer.version()), self.reply.clone());
        note(now, Fact::UdpProbe { remote, offered, tries, reply, elapsed_ms });
        let fact = Fact::StageEnded { outcome, reason, elapsed_ms };
        self.journal.note_at(now, Stage::Udp, None, fact);
    }
}
