//! IP packets with their fragments and tunnels, down to TCP, UDP and ICMP.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use etherparse::defrag::IpDefragBuf;
use etherparse::{
    IpFragOffset, IpNumber, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, LaxIpSlice, TcpSlice,
};
use rdpdoctor_model::PacketHead;

use super::link;

/// Tunnels inside tunnels.
const DEEPEST: usize = 4;

/// Packets whose fragments are waited for; each holds 64 KiB at most. `etherparse`'s own pool has no
/// such bound and says so.
const MOST_FRAGMENTED: usize = 128;

/// VXLAN (RFC 7348).
const VXLAN_PORT: u16 = 4789;

/// What an IP packet carries.
#[derive(Clone, Copy)]
pub(super) enum Packet<'a> {
    Tcp(Segment<'a>),
    Udp(Datagram<'a>),
    /// An ICMP error about a packet of somebody's.
    Unreachable(Unreachable),
    /// An answer to an ICMP echo.
    EchoReply {
        from: IpAddr,
    },
}

/// A TCP segment.
#[derive(Clone, Copy)]
pub(super) struct Segment<'a> {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) sequence: u32,
    pub(super) acknowledged: Option<u32>,
    pub(super) syn: bool,
    pub(super) fin: bool,
    pub(super) rst: bool,
    pub(super) payload: &'a [u8],
    /// Bytes of its payload that were not captured.
    pub(super) missing: u32,
    /// What the IP header tells.
    pub(super) head: PacketHead,
}

/// A UDP datagram.
#[derive(Clone, Copy)]
pub(super) struct Datagram<'a> {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) payload: &'a [u8],
}

/// An ICMP error and the packet that it is about.
#[derive(Clone, Copy)]
pub(super) struct Unreachable {
    pub(super) by: IpAddr,
    /// Whether the packet was UDP rather than TCP.
    pub(super) udp: bool,
    pub(super) ip_version: u8,
    pub(super) kind: u8,
    pub(super) code: u8,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
}

impl<'a> Packet<'a> {
    /// What it carries itself.
    pub(super) fn payload(&self) -> &'a [u8] {
        match self {
            Self::Tcp(segment) => segment.payload,
            Self::Udp(datagram) => datagram.payload,
            Self::Unreachable(_) | Self::EchoReply { .. } => &[],
        }
    }

    /// The same with another payload.
    pub(super) fn with<'b>(&self, payload: &'b [u8]) -> Packet<'b> {
        match *self {
            Self::Tcp(segment) => Packet::Tcp(Segment { payload, ..segment }),
            Self::Udp(datagram) => Packet::Udp(Datagram { payload, ..datagram }),
            Self::Unreachable(message) => Packet::Unreachable(message),
            Self::EchoReply { from } => Packet::EchoReply { from },
        }
    }
}

/// Puts packets together from their fragments.
#[derive(Default)]
pub(super) struct Reader {
    fragmented: VecDeque<(FragmentKey, IpDefragBuf)>,
}

#[derive(Clone, PartialEq, Eq)]
struct FragmentKey {
    from: IpAddr,
    to: IpAddr,
    id: u32,
    carries: IpNumber,
}

/// What is known of a packet from its IP header.
struct Around {
    from: IpAddr,
    to: IpAddr,
    /// Bytes that were not captured.
    missing: u32,
    head: PacketHead,
}

/// One fragment's place.
struct Fragment {
    id: u32,
    offset: IpFragOffset,
    more: bool,
    /// Where its data begin in the payload.
    behind: usize,
    carries: IpNumber,
}

impl Reader {
    /// Reads an IP packet and hands over what it carries.
    pub(super) fn read(&mut self, packet: &[u8], take: &mut dyn FnMut(&Packet<'_>)) {
        self.nested(packet, take, 0);
    }

    fn nested(&mut self, packet: &[u8], take: &mut dyn FnMut(&Packet<'_>), depth: usize) {
        if depth >= DEEPEST {
            return;
        }
        let Ok((slice, _)) = LaxIpSlice::from_slice(packet) else { return };
        let (from, to) = (slice.source_addr(), slice.destination_addr());
        let (payload, head) = (slice.payload(), head(&slice));
        if !payload.fragmented {
            let around = Around { from, to, missing: missing(&slice, payload.payload.len()), head };
            self.carried(&around, payload.ip_number, payload.payload, take, depth);
            return;
        }
        let Some(fragment) = fragment(&slice) else { return };
        let Some(data) = payload.payload.get(fragment.behind..) else { return };
        let carries = fragment.carries;
        if let Some(whole) = self.put_together(from, to, &fragment, data) {
            let around = Around { from, to, missing: 0, head };
            self.carried(&around, carries, &whole, take, depth);
        }
    }

    fn put_together(
        &mut self,
        from: IpAddr,
        to: IpAddr,
        fragment: &Fragment,
        data: &[u8],
    ) -> Option<Vec<u8>> {
        let key = FragmentKey { from, to, id: fragment.id, carries: fragment.carries };
        let index = match self.fragmented.iter().position(|(known, _)| *known == key) {
            Some(index) => index,
            None => {
                if self.fragmented.len() >= MOST_FRAGMENTED {
                    self.fragmented.pop_front();
                }
                let buffer = IpDefragBuf::new(fragment.carries, Vec::new(), Vec::new());
                self.fragmented.push_back((key, buffer));
                self.fragmented.len() - 1
            }
        };
        let (_, buffer) = self.fragmented.get_mut(index)?;
        let broken = buffer.add(fragment.offset, fragment.more, data).is_err();
        let complete = !broken && buffer.is_complete();
        if !broken && !complete {
            return None;
        }
        let (_, buffer) = self.fragmented.remove(index)?;
        complete.then(|| buffer.take_bufs().0)
    }

    fn carried(
        &mut self,
        around: &Around,
        carries: IpNumber,
        payload: &[u8],
        take: &mut dyn FnMut(&Packet<'_>),
        depth: usize,
    ) {
        let &Around { from, to, .. } = around;
        match carries {
            IpNumber::TCP => {
                if let Some(segment) = segment(around, payload) {
                    take(&Packet::Tcp(segment));
                }
            }
            IpNumber::UDP => {
                let Some(datagram) = datagram(from, to, payload) else { return };
                if datagram.to.port() == VXLAN_PORT
                    && let Some(inner) = datagram.payload.get(8..).and_then(link::ethernet)
                {
                    self.nested(inner, take, depth + 1);
                } else {
                    take(&Packet::Udp(datagram));
                }
            }
            IpNumber::ICMP | IpNumber::IPV6_ICMP => {
                if let Some(packet) = icmp(from, carries == IpNumber::ICMP, payload) {
                    take(&packet);
                }
            }
            IpNumber::IPV4 | IpNumber::IPV6 => self.nested(payload, take, depth + 1),
            IpNumber::GRE => {
                if let Some(inner) = gre(payload) {
                    self.nested(inner, take, depth + 1);
                }
            }
            _ => {}
        }
    }
}

/// Bytes that the IP header counts and the capture does not hold.
fn missing(slice: &LaxIpSlice<'_>, held: usize) -> u32 {
    let held = u32::try_from(held).unwrap_or(u32::MAX);
    let counted = match slice {
        LaxIpSlice::Ipv4(ip) => {
            let head = u32::try_from(ip.header().slice().len()).unwrap_or(0);
            u32::from(ip.header().total_len()).saturating_sub(head)
        }
        LaxIpSlice::Ipv6(ip) => {
            let extensions = u32::try_from(ip.extensions().slice().len()).unwrap_or(0);
            u32::from(ip.header().payload_length()).saturating_sub(extensions)
        }
    };
    counted.saturating_sub(held)
}

fn fragment(slice: &LaxIpSlice<'_>) -> Option<Fragment> {
    match slice {
        LaxIpSlice::Ipv4(ip) => {
            let header: Ipv4HeaderSlice<'_> = ip.header();
            Some(Fragment {
                id: u32::from(header.identification()),
                offset: header.fragments_offset(),
                more: header.more_fragments(),
                behind: 0,
                carries: ip.payload().ip_number,
            })
        }
        LaxIpSlice::Ipv6(ip) => {
            // `etherparse` takes the fragment header as an extension; the last of them counts.
            let extensions = ip.extensions().slice();
            let at = extensions.len().checked_sub(8)?;
            let header = Ipv6FragmentHeaderSlice::from_slice(extensions.get(at..)?).ok()?;
            Some(Fragment {
                id: header.identification(),
                offset: header.fragment_offset(),
                more: header.more_fragments(),
                behind: 0,
                carries: header.next_header(),
            })
        }
    }
}

/// What the IP header tells of the sender and the way.
fn head(slice: &LaxIpSlice<'_>) -> PacketHead {
    match slice {
        LaxIpSlice::Ipv4(ip) => {
            PacketHead { hops: ip.header().ttl(), id: Some(ip.header().identification()) }
        }
        LaxIpSlice::Ipv6(ip) => PacketHead { hops: ip.header().hop_limit(), id: None },
    }
}

fn segment<'a>(around: &Around, payload: &'a [u8]) -> Option<Segment<'a>> {
    let &Around { from, to, missing, head } = around;
    let tcp = TcpSlice::from_slice(payload).ok()?;
    Some(Segment {
        from: SocketAddr::new(from, tcp.source_port()),
        to: SocketAddr::new(to, tcp.destination_port()),
        sequence: tcp.sequence_number(),
        acknowledged: tcp.ack().then(|| tcp.acknowledgment_number()),
        syn: tcp.syn(),
        fin: tcp.fin(),
        rst: tcp.rst(),
        payload: tcp.payload(),
        missing,
        head,
    })
}

fn datagram(from: IpAddr, to: IpAddr, payload: &[u8]) -> Option<Datagram<'_>> {
    let [a, b, c, d, e, f, _, _, ..] = *payload else { return None };
    let (source, target) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let length = usize::from(u16::from_be_bytes([e, f])).max(8).min(payload.len());
    Some(Datagram {
        from: SocketAddr::new(from, source),
        to: SocketAddr::new(to, target),
        payload: payload.get(8..length)?,
    })
}

/// Errors of RFC 792 and RFC 4443, which quote the packet they are about, and echo replies.
fn icmp(by: IpAddr, old: bool, payload: &[u8]) -> Option<Packet<'_>> {
    let (kind, code) = (*payload.first()?, *payload.get(1)?);
    match (old, kind) {
        (true, 0) | (false, 129) => return Some(Packet::EchoReply { from: by }),
        (true, 3) | (false, 1) => {}
        _ => return None,
    }
    let (quoted, _) = LaxIpSlice::from_slice(payload.get(8..)?).ok()?;
    let inner = quoted.payload();
    let udp = match inner.ip_number {
        IpNumber::TCP => false,
        IpNumber::UDP => true,
        _ => return None,
    };
    let [a, b, c, d, ..] = *inner.payload else { return None };
    Some(Packet::Unreachable(Unreachable {
        by,
        udp,
        ip_version: if old { 4 } else { 6 },
        kind,
        code,
        from: SocketAddr::new(quoted.source_addr(), u16::from_be_bytes([a, b])),
        to: SocketAddr::new(quoted.destination_addr(), u16::from_be_bytes([c, d])),
    }))
}

/// The packet inside GRE (RFC 2784, RFC 2890; RFC 2637 for PPTP).
fn gre(payload: &[u8]) -> Option<&[u8]> {
    let (flags, version) = (*payload.first()?, *payload.get(1)?);
    let kind = u16::from_be_bytes([*payload.get(2)?, *payload.get(3)?]);
    let mut head = 4;
    // Checksum, key and sequence number have four bytes each; so has PPTP's acknowledgment.
    for present in [flags & 0x80, flags & 0x20, flags & 0x10, version & 0x80] {
        head += if present == 0 { 0 } else { 4 };
    }
    link::by_ether_type(kind, payload.get(head..)?)
}
