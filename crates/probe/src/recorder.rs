//! `--capture`: the packets of this check's own connections, as they pass the network interfaces. What
//! belongs to anybody else is let go at once, unless it came in the moment before it is known whose it is.

use std::time::Duration;

/// Bytes of all packets that are kept.
#[cfg(target_os = "linux")]
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// A packet as it passed, with its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Since 1970.
    pub at: Duration,
    /// The IP packet.
    pub bytes: Vec<u8>,
}

/// What was recorded.
#[derive(Debug, Default)]
pub struct Recording {
    /// The packets, in the order of time.
    pub packets: Vec<Recorded>,
    /// There were more than are kept.
    pub cut: bool,
    #[cfg(target_os = "linux")]
    held: usize,
}

#[cfg(target_os = "linux")]
impl Recording {
    fn keep(&mut self, packet: Recorded) {
        if self.held + packet.bytes.len() > MOST_BYTES {
            self.cut = true;
        } else {
            self.held += packet.bytes.len();
            self.packets.push(packet);
        }
    }
}

#[cfg(target_os = "linux")]
pub use linux::Recorder;

/// A recording that goes on.
#[cfg(not(target_os = "linux"))]
pub struct Recorder;

#[cfg(not(target_os = "linux"))]
impl Recorder {
    /// # Errors
    /// Always: this system is asked for no packets.
    pub fn start(_: &std::sync::Arc<crate::Journal>) -> Result<Self, String> {
        Err("this system's packets are not recorded; its own tool can (pktmon, Wireshark)"
            .to_owned())
    }

    /// Ends it.
    pub fn stop(self) -> Recording {
        Recording::default()
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::{HashMap, VecDeque};
    use std::io::IoSliceMut;
    use std::net::{IpAddr, SocketAddr};
    use std::os::fd::{AsRawFd as _, OwnedFd};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread::JoinHandle;
    use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

    use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};
    use nix::errno::Errno;
    use nix::sys::socket::{
        AddressFamily, ControlMessageOwned, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType,
        recvmsg, setsockopt, socket, sockopt,
    };
    use nix::sys::time::{TimeVal, TimeValLike as _};
    use rdpdoctor_model::Transport;

    use super::{Recorded, Recording};
    use crate::Journal;
    use crate::journal::Flow;

    /// PACKET_OUTGOING (packet(7)), and ARPHRD_LOOPBACK: what passes there passes twice.
    const OUTGOING: u8 = 4;
    const LOOPBACK: u16 = 772;

    /// The longest packet, put together by the network card as it may be.
    const LONGEST: usize = 256 * 1024;

    /// How long a packet waits until it is known whose it is, and how many wait.
    const WAITING: Duration = Duration::from_secs(1);
    const MOST_WAITING: usize = 512;

    /// How often is looked whether it is over, and how long the last packets are waited for.
    const PAUSE_MS: i64 = 20;
    const LAST: Duration = Duration::from_millis(60);

    /// A recording that goes on.
    pub struct Recorder {
        over: Arc<AtomicBool>,
        thread: JoinHandle<Recording>,
    }

    impl Recorder {
        /// Records from now on what belongs to the connections in the journal.
        ///
        /// # Errors
        /// Without the right to see packets.
        pub fn start(journal: &Arc<Journal>) -> Result<Self, String> {
            let socket = open().map_err(|error| match error {
                Errno::EPERM | Errno::EACCES => {
                    "it wants the right CAP_NET_RAW: run it as root, or give the right to the program once (setcap cap_net_raw+ep)".to_owned()
                }
                other => other.to_string(),
            })?;
            let over = Arc::new(AtomicBool::new(false));
            let (journal, ending) = (Arc::clone(journal), Arc::clone(&over));
            let thread = std::thread::spawn(move || record(&socket, &journal, &ending));
            Ok(Self { over, thread })
        }

        /// Ends it.
        pub fn stop(self) -> Recording {
            self.over.store(true, Ordering::Relaxed);
            self.thread.join().unwrap_or_default()
        }
    }

    /// A socket that gives every IP packet without its link's header.
    fn open() -> nix::Result<OwnedFd> {
        let (kind, flags) = (SockType::Datagram, SockFlag::SOCK_CLOEXEC);
        let socket = socket(AddressFamily::Packet, kind, flags, SockProtocol::EthAll)?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::milliseconds(PAUSE_MS))?;
        // As much as the system gives.
        let _ = setsockopt(&socket, sockopt::RcvBuf, &(4 << 20));
        Ok(socket)
    }

    fn record(socket: &OwnedFd, journal: &Journal, over: &AtomicBool) -> Recording {
        let mut sieve = Sieve::default();
        let mut buffer = vec![0; LONGEST];
        let mut ends: Option<Instant> = None;
        loop {
            if ends.is_none() && over.load(Ordering::Relaxed) {
                ends = Some(Instant::now() + LAST);
            }
            match next(socket, &mut buffer) {
                Ok(Some((packet, link))) => sieve.take(packet, link, journal),
                Ok(None) => {}
                Err(Errno::EAGAIN | Errno::EINTR) => sieve.decide(journal),
                Err(_) => break,
            }
            if ends.is_some_and(|ends| Instant::now() >= ends) {
                break;
            }
        }
        sieve.decide(journal);
        sieve.recording.packets.sort_by_key(|packet| packet.at);
        sieve.recording
    }

    /// The next packet and the number of its interface; what is there twice is taken once.
    fn next(socket: &OwnedFd, buffer: &mut [u8]) -> nix::Result<Option<(Recorded, usize)>> {
        let mut parts = [IoSliceMut::new(buffer)];
        let mut control = nix::cmsg_space!(nix::sys::time::TimeSpec);
        let flags = MsgFlags::empty();
        let message =
            recvmsg::<LinkAddr>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags)?;
        let Some(from) = message.address else { return Ok(None) };
        if from.pkttype() == OUTGOING && from.hatype() == LOOPBACK {
            return Ok(None);
        }
        let stamped = message.cmsgs()?.find_map(|control| match control {
            ControlMessageOwned::ScmTimestampns(time) => Some(Duration::from(time)),
            _ => None,
        });
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (at, length) = (stamped.unwrap_or_else(now), message.bytes);
        let bytes = buffer.get(..length).unwrap_or_default().to_vec();
        Ok(Some((Recorded { at, bytes }, from.ifindex())))
    }

    /// Lets through what is the check's own.
    #[derive(Default)]
    struct Sieve {
        recording: Recording,
        waiting: VecDeque<(Recorded, Vec<Flow>, usize, Instant)>,
        /// The interface on which a connection was seen first: bridges show their packets twice.
        links: HashMap<Flow, usize>,
    }

    impl Sieve {
        fn take(&mut self, packet: Recorded, link: usize, journal: &Journal) {
            let flows = flows(&packet.bytes);
            if flows.is_empty() {
                return;
            }
            self.waiting.push_back((packet, flows, link, Instant::now()));
            if self.waiting.len() > MOST_WAITING {
                self.decide(journal);
                let too_many = self.waiting.len().saturating_sub(MOST_WAITING);
                self.waiting.drain(..too_many);
            }
        }

        fn decide(&mut self, journal: &Journal) {
            let own = journal.flows();
            for (packet, flows, link, since) in std::mem::take(&mut self.waiting) {
                if let Some(flow) = flows.iter().find(|flow| own.contains(*flow)) {
                    if *self.links.entry(*flow).or_insert(link) == link {
                        self.recording.keep(packet);
                    }
                } else if since.elapsed() < WAITING {
                    self.waiting.push_back((packet, flows, link, since));
                }
            }
        }
    }

    /// The connections to which a packet may belong, from either end, or the packet that an ICMP message
    /// quotes.
    fn flows(bytes: &[u8]) -> Vec<Flow> {
        let Ok(packet) = LaxSlicedPacket::from_ip(bytes) else { return Vec::new() };
        let quoted = match &packet.transport {
            Some(TransportSlice::Icmpv4(icmp)) => icmp.payload(),
            Some(TransportSlice::Icmpv6(icmp)) => icmp.payload(),
            _ => return ends(&packet),
        };
        let quoted = LaxSlicedPacket::from_ip(quoted);
        quoted.map(|quoted| ends(&quoted)).unwrap_or_default()
    }

    fn ends(packet: &LaxSlicedPacket<'_>) -> Vec<Flow> {
        let (from, to): (IpAddr, IpAddr) = match &packet.net {
            Some(LaxNetSlice::Ipv4(ip)) => {
                (ip.header().source_addr().into(), ip.header().destination_addr().into())
            }
            Some(LaxNetSlice::Ipv6(ip)) => {
                (ip.header().source_addr().into(), ip.header().destination_addr().into())
            }
            _ => return Vec::new(),
        };
        // An ICMP message quotes eight bytes of TCP at least, no whole header.
        let carried = packet.net.as_ref().and_then(LaxNetSlice::ip_payload_ref);
        let Some(carried) = carried.filter(|carried| !carried.fragmented) else {
            return Vec::new();
        };
        let transport = match carried.ip_number {
            etherparse::IpNumber::TCP => Transport::Tcp,
            etherparse::IpNumber::UDP => Transport::Udp,
            _ => return Vec::new(),
        };
        let [a, b, c, d, ..] = *carried.payload else { return Vec::new() };
        let from = SocketAddr::new(from, u16::from_be_bytes([a, b]));
        let to = SocketAddr::new(to, u16::from_be_bytes([c, d]));
        vec![
            Flow { transport, local: from, remote: to },
            Flow { transport, local: to, remote: from },
        ]
    }
}
