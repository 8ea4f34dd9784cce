//! Does a silent host live? Asked by ping, in the neighbour table, and on one other port.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rdpdoctor_model::{ConnectFailure, Fact, LifeSource, Lookup, Purpose, Stage, Transport};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::check::Context;
use crate::stages::tcp;

/// How long each question waits.
const PATIENCE: Duration = Duration::from_millis(1500);

/// SMB: the port that a Windows host most often has open beside Remote Desktop.
const OTHER_PORT: u16 = 445;

pub(crate) async fn signs(context: &Context, remote: SocketAddr) {
    tokio::join!(ping(context, remote.ip()), other_port(context, remote.ip()));
    neighbour(context, remote.ip());
}

async fn ping(context: &Context, address: IpAddr) {
    let number = context.journal.next_connection();
    let (purpose, transport) = (Purpose::LifeSign, Transport::Icmp);
    let remote = SocketAddr::new(address, 0);
    let fact = Fact::Connection { number, purpose, transport, remote, local: None };
    context.journal.note(Stage::Tcp, Some(number), fact);
    let answer = match timeout(PATIENCE, echo(address)).await {
        Err(_) => Lookup::Absent,
        Ok(Ok(())) => Lookup::seen("echo reply".to_owned()),
        Ok(Err(error)) => Lookup::unavailable(error.to_string()),
    };
    let fact = Fact::LifeSign { address, by: LifeSource::Ping, port: None, answer };
    context.journal.note(Stage::Tcp, Some(number), fact);
}

/// One echo request and its reply (RFC 792, RFC 4443), over a datagram socket where the system
/// allows it to everybody, else over a raw one.
async fn echo(address: IpAddr) -> std::io::Result<()> {
    let (domain, protocol, request, reply) = match address {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4, 8, 0),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6, 128, 129),
    };
    let socket = Socket::new(domain, Type::DGRAM, Some(protocol))
        .or_else(|_| Socket::new(domain, Type::RAW, Some(protocol)))?;
    socket.set_nonblocking(true)?;
    socket.connect(&SocketAddr::new(address, 0).into())?;
    // tokio has no ICMP socket; its UDP socket only polls, sends and receives.
    let socket = UdpSocket::from_std(socket.into())?;
    let mut packet = *b"\0\0\0\0\x52\x44\0\x01rdpdoctor echo..";
    packet[0] = request;
    if address.is_ipv4() {
        let sum = checksum(&packet);
        packet[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    socket.send(&packet).await?;
    let mut buffer = [0; 256];
    loop {
        let read = socket.recv(&mut buffer).await?;
        // A raw IPv4 socket shows the IP header, a datagram socket does not.
        let header =
            if buffer[0] >> 4 == 4 && read > 40 { usize::from(buffer[0] & 15) * 4 } else { 0 };
        let tail_fits = buffer[..read].ends_with(&packet[8..]);
        if buffer.get(header) == Some(&reply) && tail_fits {
            return Ok(());
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

async fn other_port(context: &Context, address: IpAddr) {
    let journal = Arc::clone(&context.journal);
    let remote = SocketAddr::new(address, OTHER_PORT);
    let purpose = Purpose::LifeSign;
    let stream = tcp::attempt(journal, remote, PATIENCE, purpose, purpose).await;
    let answer = if stream.is_some() {
        Lookup::seen("connected".to_owned())
    } else {
        let refused = context.journal.observations().iter().any(|o| {
            matches!(
                o.fact,
                Fact::TcpFailed { remote: r, failure: ConnectFailure::Refused, .. } if r == remote
            )
        });
        if refused { Lookup::seen("refused".to_owned()) } else { Lookup::Absent }
    };
    let fact =
        Fact::LifeSign { address, by: LifeSource::OtherPort, port: Some(OTHER_PORT), answer };
    context.note(Stage::Tcp, fact);
}

/// A complete entry in the neighbour table says that the host answered on the link.
fn neighbour(context: &Context, address: IpAddr) {
    let answer = if !address.is_ipv4() {
        Lookup::unavailable("the IPv6 neighbour table is not read")
    } else {
        match std::fs::read_to_string("/proc/net/arp") {
            Err(error) => Lookup::unavailable(format!("/proc/net/arp: {error}")),
            Ok(table) => entry(&table, &address.to_string()).map_or(Lookup::Absent, Lookup::seen),
        }
    };
    let fact = Fact::LifeSign { address, by: LifeSource::Neighbour, port: None, answer };
    context.note(Stage::Tcp, fact);
}

/// The hardware address of a complete entry (proc(5): flags 0x2 is ATF_COM).
fn entry(table: &str, address: &str) -> Option<String> {
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        match fields[..] {
            [ip, _, "0x2", hardware, ..] if ip == address => Some(hardware.to_owned()),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{checksum, entry};

    #[test]
    fn neighbours_that_answered_are_found() {
        let table = "IP address HW type Flags HW address Mask Device\n\
            10.0.0.1 0x1 0x2 52:54:00:12:34:56 * eth0\n10.0.0.2 0x1 0x0 00:00:00:00:00:00 * eth0\n";
        assert_eq!(entry(table, "10.0.0.1").as_deref(), Some("52:54:00:12:34:56"));
        assert_eq!(entry(table, "10.0.0.2"), None);
    }

    #[test]
    fn the_checksum_of_a_packet_with_its_checksum_is_zero() {
        let mut packet = [8, 0, 0, 0, 1, 2, 3, 4, 0xFF, 0xFE];
        let sum = checksum(&packet);
        packet[2..4].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(checksum(&packet), 0);
    }
}
