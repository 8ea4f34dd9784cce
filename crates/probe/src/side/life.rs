//! Does a silent host live? Asked by ping, in the neighbour table, and on one other port.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rdpdoctor_model::{ConnectFailure, Fact, LifeSource, Lookup, Purpose, Stage, Transport};
use tokio::time::timeout;

use crate::context::Context;
use crate::echo::Echo;
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

/// One echo request and its reply.
async fn echo(address: IpAddr) -> std::io::Result<()> {
    let echo = Echo::open(address)?;
    echo.send(1, Echo::shortest(address)).await?;
    echo.answer().await.map(drop)
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
    } else if cfg!(not(target_os = "linux")) {
        Lookup::unavailable("the neighbour table is not read on this system")
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
    use super::entry;

    #[test]
    fn neighbours_that_answered_are_found() {
        let table = "IP address HW type Flags HW address Mask Device\n\
            10.0.0.1 0x1 0x2 52:54:00:12:34:56 * eth0\n10.0.0.2 0x1 0x0 00:00:00:00:00:00 * eth0\n";
        assert_eq!(entry(table, "10.0.0.1").as_deref(), Some("52:54:00:12:34:56"));
        assert_eq!(entry(table, "10.0.0.2"), None);
    }
}
