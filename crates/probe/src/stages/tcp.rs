//! The TCP connection: every address is a path of its own, raced as RFC 8305 says.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rdpdoctor_model::{ConnectFailure, Fact, Icmp, Lookup, Purpose, Stage, Transport};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::dns::millis;
use crate::Journal;
use crate::context::Context;
use crate::stream::MeteredStream;

/// RFC 8305 section 5: how long one address has before the next is tried beside it.
const HEAD_START: Duration = Duration::from_millis(250);

/// An attempt that was given up after so long counts as silence (a SYN is repeated after 1 s).
const SILENCE_MS: f64 = 900.0;

/// The first address that connects; the error says why none did.
pub(crate) async fn run(
    context: &Context,
    addresses: &[IpAddr],
    purpose: Purpose,
    losers: &mut JoinSet<()>,
) -> Result<MeteredStream, String> {
    let mut racing: JoinSet<Option<MeteredStream>> = JoinSet::new();
    let alone = addresses.len() == 1;
    let mut waiting = addresses.iter();
    let mut next = waiting.next();
    loop {
        if let Some(&address) = next.take() {
            let remote = SocketAddr::new(address, context.target.port);
            let journal = Arc::clone(&context.journal);
            let limit = context.deadlines.tcp;
            racing.spawn(async move {
                let other = purpose == Purpose::Main && !alone;
                let failed_as = if other { Purpose::OtherAddress } else { purpose };
                attempt(journal, remote, limit, purpose, failed_as).await
            });
        }
        let outcome = match waiting.len() {
            0 => racing.join_next().await,
            _ => match timeout(HEAD_START, racing.join_next()).await {
                Ok(outcome) => outcome,
                Err(_) => {
                    next = waiting.next();
                    continue;
                }
            },
        };
        match outcome {
            Some(Ok(Some(stream))) => {
                // Is the other address family alive? One that was not tried yet is asked beside.
                let other = waiting.find(|a| a.is_ipv4() != stream.remote().is_ipv4());
                if let Some(&address) = other.filter(|_| context.side.connect()) {
                    let remote = SocketAddr::new(address, context.target.port);
                    let journal = Arc::clone(&context.journal);
                    let (limit, purpose) = (context.deadlines.tcp, Purpose::OtherAddress);
                    losers.spawn(async move {
                        attempt(journal, remote, limit, purpose, purpose).await;
                    });
                }
                // The others may still tell whether their paths are dead.
                losers.spawn(async move { while racing.join_next().await.is_some() {} });
                return Ok(stream);
            }
            Some(_) => next = waiting.next(),
            None if waiting.len() == 0 => return Err("no address could be connected".to_owned()),
            None => next = waiting.next(),
        }
    }
}

/// Connects and writes down what became of it.
pub(crate) async fn attempt(
    journal: Arc<Journal>,
    remote: SocketAddr,
    limit: Duration,
    purpose: Purpose,
    failed_as: Purpose,
) -> Option<MeteredStream> {
    attempt_with(journal, remote, limit, (purpose, failed_as), None).await
}

/// The same with segments of at most so many bytes in both directions, where that is asked for.
pub(crate) async fn attempt_in(
    journal: Arc<Journal>,
    remote: SocketAddr,
    limit: Duration,
    purpose: Purpose,
    segment: Option<u32>,
) -> Option<MeteredStream> {
    attempt_with(journal, remote, limit, (purpose, purpose), segment).await
}

async fn attempt_with(
    journal: Arc<Journal>,
    remote: SocketAddr,
    limit: Duration,
    (purpose, failed_as): (Purpose, Purpose),
    segment: Option<u32>,
) -> Option<MeteredStream> {
    let number = journal.next_connection();
    let mut pending = Pending {
        journal: Arc::clone(&journal),
        number,
        remote,
        purpose: failed_as,
        begun_ms: journal.elapsed_ms(),
        open: true,
    };
    let stage = stage(purpose);
    let begun = Instant::now();
    let result = timeout(limit, connect(&journal, remote, segment, None)).await;
    pending.open = false;
    let begun_ms = pending.begun_ms;
    let announce = |purpose, local| {
        let fact = Fact::Connection { number, purpose, transport: Transport::Tcp, remote, local };
        journal.note_at(begun_ms, stage, Some(number), fact);
    };
    let elapsed_ms = millis(begun.elapsed());
    let (failure, icmp, os_error) = match result {
        Ok(Ok((tcp, local))) => {
            announce(purpose, Some(local));
            let fact = Fact::TcpConnected { remote, local, round_trip_ms: elapsed_ms };
            journal.note(stage, Some(number), fact);
            return Some(MeteredStream::new(tcp, journal, number, remote));
        }
        Ok(Err(failed)) => failed,
        Err(_) => (ConnectFailure::Timeout, error_queue::nothing_seen(), None),
    };
    announce(failed_as, None);
    let fact = Fact::TcpFailed { remote, failure, icmp, os_error, elapsed_ms };
    journal.note(stage, Some(number), fact);
    None
}

/// The stage to which a connection for this purpose belongs: one to a proxy or an RD Gateway is no
/// part of the way to the host.
fn stage(purpose: Purpose) -> Stage {
    match purpose {
        Purpose::Proxy => Stage::Proxy,
        Purpose::Gateway => Stage::Gateway,
        _ => Stage::Tcp,
    }
}

/// An attempt under way. When it is dropped because another address won, its silence is written
/// down if it was long enough to mean something.
struct Pending {
    journal: Arc<Journal>,
    number: u32,
    remote: SocketAddr,
    purpose: Purpose,
    begun_ms: f64,
    open: bool,
}

impl Drop for Pending {
    fn drop(&mut self) {
        let elapsed_ms = self.journal.elapsed_ms() - self.begun_ms;
        if !self.open {
            return;
        }
        let (number, purpose, remote) = (self.number, self.purpose, self.remote);
        let fact =
            Fact::Connection { number, purpose, transport: Transport::Tcp, remote, local: None };
        let stage = stage(purpose);
        self.journal.note_at(self.begun_ms, stage, Some(number), fact);
        if elapsed_ms >= SILENCE_MS {
            let failure = ConnectFailure::Timeout;
            let icmp = error_queue::nothing_seen();
            let fact = Fact::TcpFailed { remote, failure, icmp, os_error: None, elapsed_ms };
            self.journal.note(stage, Some(number), fact);
        }
    }
}

/// What became of a SYN that may pass only so many routers.
pub(crate) enum AtHop {
    /// The host itself answered.
    Host,
    /// A router gave it up, or refused it.
    Router(Icmp),
    Silent,
    /// The system does not let one see it.
    Unknown(String),
}

/// Sends a SYN that may pass `hops` routers; a connection that comes about is dropped at once.
pub(crate) async fn at_hop(
    journal: &Journal,
    remote: SocketAddr,
    hops: u8,
    limit: Duration,
) -> AtHop {
    match timeout(limit, connect(journal, remote, None, Some(hops.into()))).await {
        Err(_) => silent_or_unseen(error_queue::nothing_seen()),
        Ok(Ok(_)) => AtHop::Host,
        // An RST is the host's.
        Ok(Err((ConnectFailure::Refused, Lookup::Absent, _))) => AtHop::Host,
        Ok(Err((_, icmp, _))) => silent_or_unseen(icmp),
    }
}

fn silent_or_unseen(icmp: Lookup<Icmp>) -> AtHop {
    match icmp {
        Lookup::Seen { value } => AtHop::Router(value),
        Lookup::Absent => AtHop::Silent,
        Lookup::Unavailable { why } => AtHop::Unknown(why),
    }
}

/// Whether a connection can be told to use short segments. Windows only tells their length.
pub(crate) const SETS_SEGMENTS: bool = cfg!(target_os = "linux");

type Failed = (ConnectFailure, Lookup<Icmp>, Option<i32>);

async fn connect(
    journal: &Journal,
    remote: SocketAddr,
    segment: Option<u32>,
    hops: Option<u32>,
) -> Result<(TcpStream, SocketAddr), Failed> {
    let own = |error: io::Error| classify(&error, Lookup::Absent);
    let socket =
        Socket::new(Domain::for_address(remote), Type::STREAM, Some(Protocol::TCP)).map_err(own)?;
    socket.set_nonblocking(true).map_err(own)?;
    socket.set_tcp_nodelay(true).map_err(own)?;
    error_queue::request(&socket, remote);
    #[cfg(target_os = "linux")]
    if let Some(segment) = segment {
        use nix::sys::socket::{setsockopt, sockopt};
        setsockopt(&socket, sockopt::TcpMaxSeg, &segment).map_err(|error| own(error.into()))?;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = segment;
    if let Some(hops) = hops {
        let set = match remote {
            SocketAddr::V4(_) => socket.set_ttl_v4(hops),
            SocketAddr::V6(_) => socket.set_unicast_hops_v6(hops),
        };
        set.map_err(own)?;
    }
    match socket.connect(&remote.into()) {
        Ok(()) => {}
        Err(error) if would_block(&error) => {}
        Err(error) => return Err(own(error)),
    }
    let stream = TcpStream::from_std(socket.into()).map_err(own)?;
    // Known as soon as the SYN leaves, whatever becomes of it.
    if let Ok(local) = stream.local_addr() {
        journal.opened(Transport::Tcp, local, remote);
    }
    stream.writable().await.map_err(own)?;
    let error = match stream.take_error() {
        Ok(None) => stream.peer_addr().err(),
        Ok(Some(error)) | Err(error) => Some(error),
    };
    if let Some(error) = error {
        return Err(classify(&error, error_queue::read(&stream, remote)));
    }
    let local = stream.local_addr().map_err(own)?;
    Ok((stream, local))
}

/// EINPROGRESS (Linux 115, macOS and the BSDs 36) has no stable [`io::ErrorKind`].
fn would_block(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
        || (cfg!(unix) && matches!(error.raw_os_error(), Some(115 | 36)))
}

/// Which failure an error of the system and the ICMP message behind it stand for.
fn classify(error: &io::Error, icmp: Lookup<Icmp>) -> Failed {
    let by_icmp = icmp.as_seen().and_then(|icmp| match (icmp.ip_version, icmp.kind, icmp.code) {
        // RFC 792, RFC 1812 5.2.7.1; RFC 4443 3.1.
        (4, 3, 3) | (6, 1, 4) => Some(ConnectFailure::Refused),
        (4, 3, 9 | 10 | 13) | (6, 1, 1 | 5 | 6) => Some(ConnectFailure::Prohibited),
        (4, 3, 0 | 6) | (6, 1, 0) => Some(ConnectFailure::NetworkUnreachable),
        (4, 3, _) | (6, 1, _) => Some(ConnectFailure::HostUnreachable),
        _ => None,
    });
    let by_error = match error.kind() {
        io::ErrorKind::ConnectionRefused => ConnectFailure::Refused,
        io::ErrorKind::ConnectionReset => ConnectFailure::Reset,
        io::ErrorKind::TimedOut => ConnectFailure::Timeout,
        io::ErrorKind::HostUnreachable => ConnectFailure::HostUnreachable,
        io::ErrorKind::NetworkUnreachable => ConnectFailure::NetworkUnreachable,
        io::ErrorKind::PermissionDenied => ConnectFailure::Prohibited,
        _ => ConnectFailure::Other,
    };
    (by_icmp.unwrap_or(by_error), icmp, error.raw_os_error())
}

/// The ICMP message behind an errno: port unreachable and RST share one, so do host unreachable
/// and administratively prohibited. Linux keeps it in the socket's error queue (ip(7)).
#[cfg(target_os = "linux")]
pub(super) mod error_queue {
    use std::io::IoSliceMut;
    use std::net::{IpAddr, SocketAddr};
    use std::os::fd::{AsFd, AsRawFd};

    use nix::sys::socket::{
        ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt,
    };
    use rdpdoctor_model::{Icmp, Lookup};

    /// SO_EE_ORIGIN_ICMP and SO_EE_ORIGIN_ICMP6.
    const ORIGINS: [(u8, u8); 2] = [(2, 4), (3, 6)];

    pub(crate) fn request(socket: &impl AsFd, remote: SocketAddr) {
        // Where it cannot be had, `read` finds nothing, which is what it then says.
        let _ = match remote {
            SocketAddr::V4(_) => setsockopt(socket, sockopt::Ipv4RecvErr, &true),
            SocketAddr::V6(_) => setsockopt(socket, sockopt::Ipv6RecvErr, &true),
        };
    }

    /// The answer for a packet whose time ran out without any error.
    pub(crate) fn nothing_seen() -> Lookup<Icmp> {
        Lookup::Absent
    }

    pub(crate) fn read(socket: &impl AsRawFd, remote: SocketAddr) -> Lookup<Icmp> {
        let mut byte = [0u8; 64];
        let mut parts = [IoSliceMut::new(&mut byte)];
        let mut control = nix::cmsg_space!([u8; 256]);
        let message = recvmsg::<SockaddrStorage>(
            socket.as_raw_fd(),
            &mut parts,
            Some(&mut control),
            MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT,
        );
        let Ok(message) = message else { return Lookup::Absent };
        let Ok(mut controls) = message.cmsgs() else { return Lookup::Absent };
        controls
            .find_map(|control| {
                let (error, from) = match control {
                    ControlMessageOwned::Ipv4RecvErr(error, from) => {
                        (error, from.map(|a| IpAddr::from(a.sin_addr.s_addr.to_ne_bytes())))
                    }
                    ControlMessageOwned::Ipv6RecvErr(error, from) => {
                        (error, from.map(|a| IpAddr::from(a.sin6_addr.s6_addr)))
                    }
                    _ => return None,
                };
                let (_, ip_version) = ORIGINS.into_iter().find(|(o, _)| *o == error.ee_origin)?;
                let from = from
                    .filter(|from| !from.is_unspecified() && from.is_ipv4() == remote.is_ipv4());
                Some(Icmp { ip_version, kind: error.ee_type, code: error.ee_code, from })
            })
            .map_or(Lookup::Absent, Lookup::seen)
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) mod error_queue {
    use std::net::SocketAddr;

    use rdpdoctor_model::{Icmp, Lookup};

    pub(crate) fn request(_: &socket2::Socket, _: SocketAddr) {}

    pub(crate) fn nothing_seen() -> Lookup<Icmp> {
        Lookup::unavailable("this system does not show the ICMP message behind an error")
    }

    pub(crate) fn read<T>(_: &T, _: SocketAddr) -> Lookup<Icmp> {
        nothing_seen()
    }
}
