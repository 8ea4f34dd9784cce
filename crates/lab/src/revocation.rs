//! Where the lab authority's revocation list is, or is not: a port on loopback.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::behaviour::Revocation;

/// An HTTP request longer than this is no request for a list.
const LONGEST_REQUEST: usize = 8 * 1024;

/// How long one request may take.
const LONGEST_EXCHANGE: Duration = Duration::from_secs(10);

/// The place that certificates name as CRL distribution point (RFC 5280 section 4.2.1.13).
pub(crate) enum DistributionPoint {
    None,
    Listening(TcpListener),
    /// Bound and not listening: nobody else can answer there while the lab runs.
    Closed(Socket),
}

impl DistributionPoint {
    pub(crate) async fn open(revocation: Revocation) -> io::Result<Self> {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Ok(match revocation {
            Revocation::None => Self::None,
            Revocation::Empty | Revocation::Revoked => {
                Self::Listening(TcpListener::bind(any_port).await?)
            }
            Revocation::Unreachable => {
                let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
                socket.bind(&any_port.into())?;
                Self::Closed(socket)
            }
        })
    }

    /// Its address as certificates have it.
    pub(crate) fn url(&self) -> io::Result<Option<String>> {
        let address = match self {
            Self::None => return Ok(None),
            Self::Listening(listener) => listener.local_addr()?,
            Self::Closed(socket) => socket
                .local_addr()?
                .as_socket()
                .ok_or_else(|| io::Error::other("a socket without an address"))?,
        };
        Ok(Some(format!("http://{address}/lab.crl")))
    }

    /// Hands out the list until it is cancelled, one request at a time.
    pub(crate) async fn serve(self, list: Arc<[u8]>) {
        let listener = match self {
            Self::Listening(listener) => listener,
            closed => {
                // Keeps the port from being anybody else's.
                std::future::pending::<()>().await;
                drop(closed);
                return;
            }
        };
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    // A client that goes wrong harms itself only.
                    let _ = timeout(LONGEST_EXCHANGE, answer(stream, &list)).await;
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }
}

/// One request, one answer.
async fn answer(mut stream: TcpStream, list: &[u8]) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        if stream.read_buf(&mut request).await? == 0 || request.len() > LONGEST_REQUEST {
            return Ok(());
        }
    }
    let length = list.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/pkix-crl\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(list).await?;
    stream.shutdown().await
}
