//! Starting a server and looking at what its clients sent.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, UdpSocket};
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};

use crate::behaviour::{Revocation, Tls};
use crate::certificate::{self, Forge};
use crate::gateway::{GatewayStep, Waiting};
use crate::proxy::{Proxy, ProxyAnswer};
use crate::revocation::DistributionPoint;
use crate::server::Server;
use crate::transport::Cookies;
use crate::{Fault, faults, tls, udp};

/// Records of more connections than these are dropped, the oldest first.
const MOST_RECORDS: usize = 1024;

/// How a server is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// DNS names and addresses in certificates of the lab's authority.
    pub names: Vec<String>,
    /// Where to write the authority's certificate, PEM.
    pub ca_file: Option<PathBuf>,
    /// How many connections are held at once; further ones wait to be accepted. At least 1.
    pub most_connections: usize,
    /// What a gateway answers at which step, in place of the fault's own answer: an HRESULT, or the
    /// Win32 code inside it.
    pub gateway_code: Option<(GatewayStep, u32)>,
    /// With which error a gateway or a server answers a Kerberos ticket; none: a gateway takes it for no
    /// sign-in, and a server asks for NTLM.
    pub ticket_error: Option<u8>,
    /// Where a service of GSS-API takes the tickets of who signs in to the server; none: it asks for NTLM.
    pub tickets: Option<SocketAddr>,
    /// The server behind a gateway; none: the healthy one.
    pub behind: Option<&'static Fault>,
    /// A server that waits for a Connection Request takes the direct approach instead (MS-RDPBCGR
    /// 5.4.2.2), and fails in it as it would behind the negotiation.
    pub direct: bool,
    /// Whether a proxy that connects everybody stands in front, where the fault has none of its own.
    pub proxied: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            names: ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec(),
            ca_file: None,
            most_connections: 256,
            gateway_code: None,
            ticket_error: None,
            tickets: None,
            behind: None,
            direct: false,
            proxied: false,
        }
    }
}

/// What one client sent; each part ends after 64 KiB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionRecord {
    /// The client's address.
    pub peer: SocketAddr,
    /// Everything as it came over TCP: in the clear up to the ClientHello, TLS records from there.
    pub on_wire: Vec<u8>,
    /// What came inside TLS.
    pub above_tls: Vec<u8>,
    /// Whether a proof of a password came, with which passwords can be tried out: an NTLM
    /// AUTHENTICATE_MESSAGE.
    pub authenticate_received: bool,
    /// Whether a ticket came and was taken.
    pub ticket_taken: bool,
    /// Whether a password itself came: delegated by CredSSP or in a Client Info PDU.
    pub credentials_received: bool,
    /// Confirm Active PDUs that came.
    pub activations: u32,
    /// What it said about the transport that it was asked for: hrResponse (MS-RDPBCGR 2.2.15.2).
    pub transport_response: Option<u32>,
    /// When the picture began; `None` as long as it has not.
    pub picture: Option<FirstPicture>,
}

/// What it took a client to come to the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstPicture {
    /// How often the server answered something that it had waited for: each is a round trip.
    pub round_trips: u32,
    /// From the connection's acceptance to the picture's first byte.
    pub after: Duration,
}

/// A server at work; it stops when this is dropped.
pub struct Running {
    address: SocketAddr,
    proxy: Option<SocketAddr>,
    asked: Arc<Mutex<Vec<String>>>,
    ca_pem: String,
    records: Arc<Records>,
    task: JoinHandle<()>,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the proxy in front of it listens, if there is one. It speaks HTTP, HTTPS and SOCKS 5.
    pub fn proxy(&self) -> Option<SocketAddr> {
        self.proxy
    }

    /// What that proxy was asked to connect to, as `host:port`.
    pub fn asked_of_proxy(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The certificate of the lab's authority, PEM: made anew for each server. A client that trusts
    /// it accepts the faults whose summary speaks of the lab's authority.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// What was received so far, a record a connection in the order of acceptance.
    pub fn record(&self) -> Vec<ConnectionRecord> {
        self.records.all()
    }

    /// Waits for as long as the server runs.
    pub async fn wait(mut self) {
        let _ = (&mut self.task).await;
    }

    /// Closes the listener and every connection. The port is free as soon as the runtime has put
    /// the server's task away.
    pub fn shutdown(self) {
        drop(self);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts a server with this fault. Port 0 takes any free one.
///
/// # Errors
/// When the address cannot be bound, a certificate cannot be made, or `ca_file` cannot be written.
pub async fn start(
    fault: &'static Fault,
    listen: SocketAddr,
    options: Options,
) -> io::Result<Running> {
    let behaviour = &fault.behaviour;
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let point = DistributionPoint::open(behaviour.tls.revocation).await?;
    let url = point.url()?;
    let answer = behaviour.proxy.or(options.proxied.then_some(ProxyAnswer::Connect));
    let at_proxy = match answer {
        Some(answer) => Some((TcpListener::bind(SocketAddr::new(address.ip(), 0)).await?, answer)),
        None => None,
    };
    let datagrams = match behaviour.udp {
        Some(answer) => Some((UdpSocket::bind(address).await?, answer)),
        None => None,
    };
    let proxy_address = at_proxy.as_ref().map(|(at, _)| at.local_addr()).transpose()?;
    let behind = match behaviour.gateway {
        Some(_) => {
            let healthy = faults::fault("healthy-nla").ok_or(io::ErrorKind::NotFound)?;
            let behind = options.behind.unwrap_or(healthy);
            let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            Some(Box::pin(start(behind, anywhere, Options::default())).await?)
        }
        None => None,
    };
    let (gateway_code, direct) = (options.gateway_code, options.direct);
    let (ticket_error, tickets) = (options.ticket_error, options.tickets);
    let (names, ca_file) = (options.names, options.ca_file);
    let make = move || -> io::Result<_> {
        let forge = Forge::new((behaviour.computer)(), names, url)?;
        let identity = (behaviour.tls.certificate)(&forge)?;
        let revoked = match behaviour.tls.revocation {
            Revocation::Revoked => identity.chain.first(),
            _ => None,
        };
        let list = forge.revocation_list(revoked)?;
        let ca_pem = forge.authority_pem();
        if let Some(file) = ca_file {
            std::fs::write(file, &ca_pem)?;
        }
        let context = tls::context(&behaviour.tls, &identity)?;
        let at_proxy = match answer {
            Some(_) => {
                let own = certificate::from_authority(&forge, &forge.names)?;
                Some(tls::context(&Tls::HEALTHY, &own)?)
            }
            None => None,
        };
        let public_key = identity.public_key()?;
        let later_context = match behaviour.gateway {
            Some(gateway) if gateway.changes_certificate => {
                Some(tls::context(&behaviour.tls, &certificate::self_signed(&forge)?)?)
            }
            _ => None,
        };
        let server = Server {
            behaviour,
            computer: forge.computer,
            context,
            later_context,
            connections: AtomicUsize::new(0),
            public_key,
            behind,
            gateway_code,
            ticket_error,
            tickets,
            direct,
            cookies: Cookies::default(),
            waiting: Waiting::default(),
        };
        Ok((server, at_proxy, list, ca_pem))
    };
    let (server, proxy_context, list, ca_pem) =
        spawn_blocking(make).await.map_err(io::Error::other)??;

    let records = Arc::new(Records::default());
    let kept = Arc::clone(&records);
    let most = options.most_connections.max(1);
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let proxy = at_proxy.zip(proxy_context).map(|((listener, answer), context)| Proxy {
        listener,
        answer,
        context,
        server: address,
        asked: Arc::clone(&asked),
    });
    let server = Arc::new(server);
    let task = tokio::spawn(async move {
        tokio::join!(
            accept(listener, Arc::clone(&server), most, &kept),
            point.serve(Arc::from(list.as_slice())),
            async {
                if let Some((socket, answer)) = datagrams {
                    udp::serve(socket, answer, &server).await;
                }
            },
            async {
                if let Some(proxy) = proxy {
                    proxy.serve().await;
                }
            },
        );
    });
    Ok(Running { address, proxy: proxy_address, asked, ca_pem, records, task })
}

/// Accepts as long as it lives. With as many connections as are allowed, further ones stay in the
/// kernel's queue.
async fn accept(listener: TcpListener, server: Arc<Server>, most: usize, records: &Records) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= most {
            connections.join_next().await;
            continue;
        }
        match listener.accept().await {
            Ok((stream, peer)) => {
                let record = records.begin(peer);
                let server = Arc::clone(&server);
                connections.spawn(async move { server.converse(stream, record).await });
            }
            // Out of file descriptors, or a client that left before it was accepted.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

#[derive(Default)]
struct Records(Mutex<VecDeque<Arc<Mutex<ConnectionRecord>>>>);

impl Records {
    fn begin(&self, peer: SocketAddr) -> Arc<Mutex<ConnectionRecord>> {
        let record = ConnectionRecord {
            peer,
            on_wire: Vec::new(),
            above_tls: Vec::new(),
            authenticate_received: false,
            ticket_taken: false,
            credentials_received: false,
            activations: 0,
            transport_response: None,
            picture: None,
        };
        let record = Arc::new(Mutex::new(record));
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if records.len() == MOST_RECORDS {
            records.pop_front();
        }
        records.push_back(Arc::clone(&record));
        record
    }

    fn all(&self) -> Vec<ConnectionRecord> {
        let records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records
            .iter()
            .map(|record| record.lock().unwrap_or_else(PoisonError::into_inner).clone())
            .collect()
    }
}
