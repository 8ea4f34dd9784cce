//! What errors of Winsock say that those of other systems do not. All others have an [`io::ErrorKind`]
//! of the standard library, as an errno has.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use rdpdoctor_model::Icmp;
use tokio::net::UdpSocket;
use tokio::time::sleep;

/// "A message sent on a datagram socket was larger than the buffer": the buffer is filled all the same,
/// where other systems cut it off without an error.
const WSAEMSGSIZE: i32 = 10040;

/// Of a datagram socket: "a previous send operation resulted in an ICMP Port Unreachable message"
/// (Winsock's documentation of `recv`).
const WSAECONNRESET: i32 = 10054;

/// Before a socket that was said to be readable, and was not, is asked again.
const AGAIN: Duration = Duration::from_millis(5);

/// The next datagram. Wine calls a socket readable for ever once an ICMP message came, and has nothing
/// there: asked again at once, as `UdpSocket::recv` does, it would never let go of its thread, so that no
/// time limit could end it.
pub(crate) async fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        socket.readable().await?;
        match socket.try_recv(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(AGAIN).await,
            received => return received,
        }
    }
}

/// Whether a datagram came that is longer than the buffer.
pub(crate) fn is_longer_than_asked(error: &io::Error) -> bool {
    cfg!(windows) && error.raw_os_error() == Some(WSAEMSGSIZE)
}

/// The ICMP message that an error of a datagram socket stands for; who sent it is not told.
pub(crate) fn port_unreachable(error: &io::Error, remote: IpAddr) -> Option<Icmp> {
    let stands = cfg!(windows) && error.raw_os_error() == Some(WSAECONNRESET);
    stands.then(|| message(remote))
}

/// RFC 792; RFC 4443 3.1.
fn message(remote: IpAddr) -> Icmp {
    let (ip_version, kind, code) = if remote.is_ipv4() { (4, 3, 3) } else { (6, 1, 4) };
    Icmp { ip_version, kind, code, from: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_winsock_mean_nothing_elsewhere() {
        let (reset, longer) = (
            io::Error::from_raw_os_error(WSAECONNRESET),
            io::Error::from_raw_os_error(WSAEMSGSIZE),
        );
        let remote = IpAddr::from([192, 0, 2, 1]);
        assert_eq!(port_unreachable(&reset, remote).is_some(), cfg!(windows));
        assert_eq!(is_longer_than_asked(&longer), cfg!(windows));
        assert_eq!(port_unreachable(&longer, remote), None);
        assert!(!is_longer_than_asked(&reset));
    }

    #[test]
    fn each_address_family_has_its_message() {
        let of = |remote: &str| remote.parse().map(message).map(|m| (m.ip_version, m.kind, m.code));
        assert_eq!(of("192.0.2.1"), Ok((4, 3, 3)));
        assert_eq!(of("2001:db8::1"), Ok((6, 1, 4)));
    }
}
