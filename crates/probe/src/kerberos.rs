//! Talking to a key distribution centre (RFC 4120 7.2.2, TCP): `sspi` makes the messages and reads
//! the tickets, every answer passes here first and is written down.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hickory_resolver::proto::rr::{RData, RecordType};
use rdpdoctor_model::{Fact, KerberosExchange, Purpose, Stage, Transport};
use rdpdoctor_wire::kerberos::{Refusal, read_error};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::context::Context;
use crate::side;

/// The port of Kerberos.
const PORT: u16 = 88;

/// How long one centre may take; the next one is asked then.
const PATIENCE: Duration = Duration::from_secs(5);

/// At most so many centres are asked.
const MOST_CENTRES: usize = 4;

/// A ticket of a user in a thousand groups stays below this.
const LONGEST_ANSWER: u32 = 128 * 1024;

/// KDC_ERR_PREAUTH_REQUIRED and KRB_ERR_RESPONSE_TOO_BIG (RFC 4120 7.5.9): steps on the way, no
/// errors.
const ON_THE_WAY: [u32; 2] = [25, 52];

/// The centres of a realm.
pub(crate) struct Kdc<'a> {
    context: &'a Context,
    addresses: Vec<SocketAddr>,
    /// The service for which a ticket is wanted in the end.
    service: String,
    realm: String,
    /// The last KRB-ERROR that is one; 0 before.
    error: AtomicU32,
    /// Where the ticket is wanted.
    stage: Stage,
}

impl<'a> Kdc<'a> {
    /// The centre that was named, or those that the DNS has for the realm; the error says why there
    /// is none.
    pub(crate) async fn find(
        context: &'a Context,
        realm: &str,
        named: Option<&str>,
        service: String,
    ) -> Result<Self, Fact> {
        let (tried, result) = match named {
            Some(name) => {
                let place =
                    if name.contains(':') { name.to_owned() } else { format!("{name}:{PORT}") };
                let found = lookup_host(&place).await.map(Iterator::collect::<Vec<_>>);
                (vec![place], found.map_err(|error| error.to_string()))
            }
            None => by_dns(context, realm).await,
        };
        let unavailable = |why: String| Fact::KerberosUnavailable {
            realm: realm.to_owned(),
            tried: tried.clone(),
            why,
        };
        let mut addresses = result.map_err(&unavailable)?;
        addresses.truncate(MOST_CENTRES);
        if addresses.is_empty() {
            return Err(unavailable("no address of a key distribution centre is known".to_owned()));
        }
        // Whether anybody is there is known before the server hears of Kerberos.
        let mut answering = Vec::new();
        for address in addresses {
            if let Ok(Ok(_)) = timeout(PATIENCE, TcpStream::connect(address)).await {
                answering.push(address);
                break;
            }
        }
        if answering.is_empty() {
            return Err(unavailable("none of them accepts a connection".to_owned()));
        }
        let (realm, error) = (realm.to_owned(), AtomicU32::new(0));
        let stage = Stage::CredSsp;
        Ok(Self { context, addresses: answering, service, realm, error, stage })
    }

    /// The same for a ticket that is wanted elsewhere than at the host.
    pub(crate) fn at(self, stage: Stage) -> Self {
        Self { stage, ..self }
    }

    /// Of a proxy's sign-in nothing is the host's, nor an RD Gateway's behind it.
    fn note(&self, connection: Option<u32>, fact: Fact) {
        match connection {
            None if self.stage != Stage::Proxy => self.context.note(self.stage, fact),
            _ => self.context.journal.note(self.stage, connection, fact),
        }
    }

    /// The last KRB-ERROR of a centre that is no mere step on the way.
    pub(crate) fn error(&self) -> Option<u32> {
        Some(self.error.load(Ordering::Relaxed)).filter(|code| *code != 0)
    }

    /// Asks the centres, one after the other, until one answers.
    pub(crate) async fn ask(&self, request: &[u8]) -> sspi::Result<Vec<u8>> {
        let mut why = String::new();
        for address in &self.addresses {
            match timeout(PATIENCE, self.ask_one(*address, request)).await {
                Ok(Ok(answer)) => {
                    self.note_answer(*address, request, &answer);
                    return Ok(answer);
                }
                Ok(Err(error)) => why = error.to_string(),
                Err(_) => why = "no answer in time".to_owned(),
            }
        }
        let tried = self.addresses.iter().map(ToString::to_string).collect();
        let realm = self.realm.clone();
        let fact = Fact::KerberosUnavailable { realm, tried, why: why.clone() };
        self.note(None, fact);
        Err(sspi::Error::new(sspi::ErrorKind::NoAuthenticatingAuthority, why))
    }

    async fn ask_one(&self, address: SocketAddr, request: &[u8]) -> std::io::Result<Vec<u8>> {
        let number = self.context.journal.next_connection();
        let connection = |local| Fact::Connection {
            number,
            purpose: Purpose::Kerberos,
            transport: Transport::Tcp,
            remote: address,
            local,
        };
        let connected = TcpStream::connect(address).await;
        let local = connected.as_ref().ok().and_then(|stream| stream.local_addr().ok());
        self.note(Some(number), connection(local));
        let mut stream = connected?;
        stream.write_all(request).await?;
        let length = stream.read_u32().await?;
        if length > LONGEST_ANSWER {
            return Err(std::io::Error::other(format!("an answer of {length} bytes")));
        }
        let mut answer = length.to_be_bytes().to_vec();
        let read = (&mut stream).take(length.into()).read_to_end(&mut answer).await?;
        if read < length as usize {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(answer)
    }

    /// Both begin with their length; behind it stands the tag of the message (RFC 4120 5.10).
    fn note_answer(&self, kdc: SocketAddr, request: &[u8], answer: &[u8]) {
        const AS_REQ: u8 = 0x6A;
        const AS_REP: u8 = 0x6B;
        const TGS_REP: u8 = 0x6D;
        const KRB_ERROR: u8 = 0x7E;
        let exchange = match request.get(4) {
            Some(&AS_REQ) => KerberosExchange::AuthenticationService,
            _ => KerberosExchange::TicketGranting,
        };
        let kdc = kdc.to_string();
        let fact = match answer.get(4) {
            Some(&AS_REP) => {
                self.error.store(0, Ordering::Relaxed);
                let service = format!("krbtgt/{}", self.realm);
                Fact::KerberosTicket { exchange, kdc, service }
            }
            Some(&TGS_REP) => {
                self.error.store(0, Ordering::Relaxed);
                let service = self.service.clone();
                Fact::KerberosTicket { exchange, kdc, service }
            }
            Some(&KRB_ERROR) => {
                let Some(Refusal { code, server_time, text }) = read_error(&answer[4..]) else {
                    return;
                };
                if ON_THE_WAY.contains(&code) {
                    return;
                }
                self.error.store(code, Ordering::Relaxed);
                Fact::KerberosError { exchange, kdc, code, server_time, text }
            }
            _ => return,
        };
        self.note(None, fact);
    }
}

/// SRV records of the realm (RFC 4120 7.2.3.2).
async fn by_dns(context: &Context, realm: &str) -> (Vec<String>, Result<Vec<SocketAddr>, String>) {
    let name = format!("_kerberos._tcp.{}.", realm.to_lowercase());
    let dns = match side::dns_client(context) {
        Ok(dns) => dns,
        Err(why) => return (vec![name], Err(why)),
    };
    let answer =
        match timeout(context.deadlines.dns, dns.lookup(name.clone(), RecordType::SRV)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return (vec![name], Err(format!("no such record: {error}"))),
            Err(_) => return (vec![name], Err("the DNS did not answer in time".to_owned())),
        };
    let mut places: Vec<_> = answer
        .answers()
        .iter()
        .filter_map(|record| match &record.data {
            RData::SRV(srv) => Some((srv.priority, srv.target.to_utf8(), srv.port)),
            _ => None,
        })
        .collect();
    places.sort();
    places.truncate(MOST_CENTRES);
    let mut addresses = Vec::new();
    for (_, host, port) in &places {
        let host = host.trim_end_matches('.');
        if let Ok(found) = lookup_host((host, *port)).await {
            addresses.extend(found);
        }
    }
    let tried = places.iter().map(|(_, host, port)| format!("{host}:{port}")).collect();
    (tried, Ok(addresses))
}
