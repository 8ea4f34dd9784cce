//! ICMP echo (RFC 792, RFC 4443), over a datagram socket where the system allows it to everybody,
//! else over a raw one.

use std::io;
use std::net::{IpAddr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use crate::winsock;

/// How long the ICMP header is.
const HEADER: usize = 8;

/// What every request carries behind its header.
const MARK: &[u8] = b"rdpdoctor echo..";

/// Length of an IP header without options.
fn ip_header(address: IpAddr) -> usize {
    if address.is_ipv4() { 20 } else { 40 }
}

/// Echo requests to one address.
pub(crate) struct Echo {
    address: IpAddr,
    socket: UdpSocket,
}

impl Echo {
    /// Bytes of the shortest request, IP header included.
    pub(crate) fn shortest(address: IpAddr) -> usize {
        ip_header(address) + HEADER + MARK.len()
    }

    /// # Errors
    /// Where the system lets this user send no ICMP.
    pub(crate) fn open(address: IpAddr) -> io::Result<Self> {
        let (domain, protocol) = match address {
            IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
            IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
        };
        let socket = Socket::new(domain, Type::DGRAM, Some(protocol))
            .or_else(|_| Socket::new(domain, Type::RAW, Some(protocol)))?;
        socket.set_nonblocking(true)?;
        socket.connect(&SocketAddr::new(address, 0).into())?;
        // tokio has no ICMP socket; its UDP socket only polls, sends and receives.
        Ok(Self { address, socket: UdpSocket::from_std(socket.into())? })
    }

    /// Sends request number `number`, whose IP packet has so many bytes.
    ///
    /// # Errors
    /// When it does not leave, EMSGSIZE for one: too long for a link that is known.
    pub(crate) async fn send(&self, number: u16, bytes: usize) -> io::Result<()> {
        let request = if self.address.is_ipv4() { 8 } else { 128 };
        let mut packet = vec![request, 0, 0, 0, 0x52, 0x44];
        packet.extend(number.to_be_bytes());
        packet.extend(MARK);
        let length = bytes.saturating_sub(ip_header(self.address));
        packet.resize(length.max(HEADER + MARK.len()), b'.');
        if self.address.is_ipv4() {
            let sum = checksum(&packet);
            packet[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        self.socket.send(&packet).await.map(drop)
    }

    /// The number of the next request that is answered.
    ///
    /// # Errors
    /// When the socket fails, by an ICMP error for one.
    pub(crate) async fn answer(&self) -> io::Result<u16> {
        let reply = if self.address.is_ipv4() { 0 } else { 129 };
        let mut buffer = vec![0; 2048];
        loop {
            let read = winsock::receive(&self.socket, &mut buffer).await?;
            let bytes = &buffer[..read];
            // A raw IPv4 socket shows the IP header, a datagram socket does not.
            let raw = bytes.first().is_some_and(|first| first >> 4 == 4) && read > 40;
            let skipped = if raw { usize::from(bytes[0] & 15) * 4 } else { 0 };
            let Some([kind, _, _, _, _, _, high, low, rest @ ..]) = bytes.get(skipped..) else {
                continue;
            };
            if *kind == reply && rest.starts_with(MARK) {
                return Ok(u16::from_be_bytes([*high, *low]));
            }
        }
    }
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])))
        .sum();
    let folded = (sum & 0xFFFF) + (sum >> 16);
    let folded = (folded & 0xFFFF) + (folded >> 16);
    !u16::try_from(folded & 0xFFFF).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_of_a_packet_with_its_checksum_is_zero() {
        let mut packet = [8, 0, 0, 0, 1, 2, 3, 4, 0xFF, 0xFE];
        let sum = checksum(&packet);
        packet[2..4].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(checksum(&packet), 0);
    }

    #[tokio::test]
    async fn loopback_answers_both_lengths() {
        let address = IpAddr::from([127, 0, 0, 1]);
        // Where the system lets nobody send ICMP there is nothing to see.
        let Ok(echo) = Echo::open(address) else { return };
        for (number, bytes) in [(7, Echo::shortest(address)), (8, 1500)] {
            echo.send(number, bytes).await.expect("sent");
            assert_eq!(echo.answer().await.expect("answered"), number);
        }
    }
}
