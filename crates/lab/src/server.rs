//! The one server: each step asks the behaviour what to do.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openssl::rand::rand_bytes;
use openssl::ssl::SslContext;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::behaviour::{
    Answer, Behaviour, Computer, ConnectAnswer, Ending, Foreign, ForeignAnswer, HelloAnswer,
    Opening, Then,
};
use crate::channel::Channel;
use crate::gateway::{self, GatewayStep};
use crate::link::Link;
use crate::mcs::{self, Wishes};
use crate::security::Offer;
use crate::session::Logon;
use crate::sign_in::SignedIn;
use crate::tls::{self, ClientHello};
use crate::transport::Cookies;
use crate::x224::{self, Request};
use crate::{ConnectionRecord, Running};

/// No conversation takes longer; silence has its own bound in the link.
const LONGEST_CONVERSATION: Duration = Duration::from_secs(600);

/// How long after accepting a server hangs up that reads nothing.
const AFTER_ACCEPT: Duration = Duration::from_millis(50);

/// What a web server says to what is no HTTP request.
pub(crate) const BAD_REQUEST: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// A server with everything that is made once.
pub(crate) struct Server {
    pub(crate) behaviour: &'static Behaviour,
    pub(crate) computer: Computer,
    pub(crate) context: SslContext,
    /// What every connection but the first is shown, where that is something else.
    pub(crate) later_context: Option<SslContext>,
    /// How many connections there were.
    pub(crate) connections: AtomicUsize,
    /// The certificate's subjectPublicKey, to which CredSSP binds a sign-in.
    pub(crate) public_key: Vec<u8>,
    /// The healthy server behind a gateway.
    pub(crate) behind: Option<Running>,
    /// What a gateway was told to answer, and at which step.
    pub(crate) gateway_code: Option<(GatewayStep, u32)>,
    /// With which error it answers a Kerberos ticket.
    pub(crate) ticket_error: Option<u8>,
    /// Who takes tickets for it.
    pub(crate) tickets: Option<SocketAddr>,
    /// The direct approach instead of the negotiation.
    pub(crate) direct: bool,
    /// What the clients of sessions may show by UDP.
    pub(crate) cookies: Cookies,
    /// Channels of a gateway that wait for their other half.
    pub(crate) waiting: gateway::Waiting,
}

impl Server {
    /// Serves one connection to its end.
    pub(crate) async fn converse(&self, stream: TcpStream, record: Arc<Mutex<ConnectionRecord>>) {
        let Ok(link) = Link::new(stream, record, self.behaviour.pace) else { return };
        let mut channel = Channel::new(link);
        let then = match timeout(LONGEST_CONVERSATION, self.steps(&mut channel)).await {
            Ok(Ok(then)) => then,
            // The client has left, speaks something else, or refused the TLS.
            Ok(Err(_)) | Err(_) => Then::End(Ending::Fin),
        };
        channel.finish(then).await;
    }

    async fn steps(&self, channel: &mut Channel) -> io::Result<Then> {
        if let Some(gateway) = self.behaviour.gateway {
            return match self.tls(channel).await? {
                Some(then) => Ok(then),
                None => gateway::serve(self, gateway, channel).await,
            };
        }
        match &self.behaviour.opening {
            Opening::Await if !self.direct => self.negotiation(channel).await,
            Opening::Await | Opening::Directly => self.directly(channel).await,
            Opening::Foreign(service) => self.foreign(channel, service).await,
            Opening::Instead(instead) => {
                // An RST that comes while the client's connect is still under way looks to it as if
                // nobody listened; the kernels of real hosts and clients are further apart.
                sleep(AFTER_ACCEPT).await;
                channel.perform(*instead).await
            }
        }
    }

    async fn foreign(&self, channel: &mut Channel, service: &Foreign) -> io::Result<Then> {
        if !service.greeting.is_empty() {
            channel.send(service.greeting).await?;
        }
        let first = channel.anything().await?;
        match (service.answer)(&first) {
            ForeignAnswer::Instead(instead) => channel.perform(instead).await,
            ForeignAnswer::Https => {
                channel.unread(first);
                channel.secure(&self.context).await?;
                channel.anything().await?;
                channel.send(BAD_REQUEST).await?;
                channel.close_notify().await
            }
        }
    }

    /// TLS, the sign-in, and only then the question that others begin with.
    async fn directly(&self, channel: &mut Channel) -> io::Result<Then> {
        /// INCONSISTENT_FLAGS (MS-RDPBCGR 2.2.1.2.2).
        const INCONSISTENT_FLAGS: u32 = 4;
        if let Some(then) = self.tls(channel).await? {
            return Ok(then);
        }
        let logon = match self.sign_in(channel, x224::PROTOCOL_HYBRID).await? {
            SignedIn::Session(logon) => logon,
            SignedIn::Over(then) => return Ok(then),
        };
        let message = channel.message(x224::frame).await?;
        let request = Request::read(&message).ok_or(io::ErrorKind::InvalidData)?;
        if !request.offers(x224::PROTOCOL_HYBRID) {
            channel.send(&x224::failure(INCONSISTENT_FLAGS)).await?;
            return Ok(Then::End(Ending::Fin));
        }
        let selected = x224::response(x224::PROTOCOL_HYBRID, self.behaviour.response_flags);
        channel.send(&selected).await?;
        self.connect(channel, request, Some(logon)).await
    }

    async fn negotiation(&self, channel: &mut Channel) -> io::Result<Then> {
        let message = channel.message(x224::frame).await?;
        let request = Request::read(&message).ok_or(io::ErrorKind::InvalidData)?;
        match (self.behaviour.negotiation)(&request) {
            Answer::Select(protocol) => {
                channel.send(&x224::response(protocol, self.behaviour.response_flags)).await?;
                if protocol == 0 {
                    return self.connect(channel, request, None).await;
                }
                if let Some(then) = self.tls(channel).await? {
                    return Ok(then);
                }
                match protocol {
                    x224::PROTOCOL_SSL => {
                        self.connect(channel, request, Some(Logon::AskClient)).await
                    }
                    x224::PROTOCOL_HYBRID | x224::PROTOCOL_HYBRID_EX => {
                        match self.sign_in(channel, protocol).await? {
                            SignedIn::Session(logon) => {
                                self.connect(channel, request, Some(logon)).await
                            }
                            SignedIn::Over(then) => Ok(then),
                        }
                    }
                    _ => Ok(Then::Silence),
                }
            }
            Answer::Failure(code) => {
                channel.send(&x224::failure(code)).await?;
                Ok(Then::End(Ending::Fin))
            }
            Answer::WithoutNegotiation => {
                channel.send(&x224::confirm(&[])).await?;
                self.connect(channel, request, None).await
            }
            Answer::Instead(instead) => channel.perform(instead).await,
        }
    }

    /// `None` when the handshake has succeeded.
    async fn tls(&self, channel: &mut Channel) -> io::Result<Option<Then>> {
        let record = channel.message(tls::frame).await?;
        let hello = ClientHello::read(&record);
        match (self.behaviour.hello)(&hello) {
            HelloAnswer::Handshake => {
                channel.unread(record);
                let later = self.connections.fetch_add(1, Ordering::Relaxed) > 0;
                let context = self.later_context.as_ref().filter(|_| later);
                channel.secure(context.unwrap_or(&self.context)).await?;
                Ok(None)
            }
            HelloAnswer::ServerHello { version, then } => {
                let mut random = [0; 32];
                rand_bytes(&mut random)?;
                channel.send(&tls::server_hello(version, &hello, &random)).await?;
                Ok(Some(then))
            }
            HelloAnswer::Alert(description) => {
                channel.send(&tls::alert(description)).await?;
                Ok(Some(Then::End(Ending::Fin)))
            }
            HelloAnswer::Instead(instead) => channel.perform(instead).await.map(Some),
        }
    }

    /// `logon` is what is known of it inside TLS; without TLS there is Standard RDP Security.
    async fn connect(
        &self,
        channel: &mut Channel,
        request: Request,
        logon: Option<Logon>,
    ) -> io::Result<Then> {
        let initial = channel.message(x224::frame).await?;
        let protocols = request.requested.unwrap_or(0);
        let offer = match logon {
            None => Some(Offer::new(self.behaviour.standard_security)?),
            Some(_) => None,
        };
        let udp = self.behaviour.udp;
        let response =
            |result| mcs::connect_response(&initial, protocols, offer.as_ref(), result, udp);
        match &self.behaviour.connect {
            ConnectAnswer::Response => {
                channel.send(&response(0)?).await?;
                if let Some(offer) = offer {
                    channel.offer(offer);
                }
                let logon = logon.unwrap_or(Logon::AskClient);
                self.session(channel, Wishes::of(&initial), logon).await
            }
            ConnectAnswer::Refused(result) => {
                channel.send(&response(*result)?).await?;
                Ok(Then::End(Ending::Fin))
            }
            ConnectAnswer::Ultimatum => {
                channel.send(&mcs::ultimatum()?).await?;
                Ok(Then::End(Ending::Fin))
            }
            ConnectAnswer::Instead(instead) => channel.perform(*instead).await,
        }
    }
}
