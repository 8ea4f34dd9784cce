//! The one server: each step asks the behaviour what to do.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openssl::rand::rand_bytes;
use openssl::ssl::SslContext;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::behaviour::{
    Answer, Behaviour, Challenge, Computer, ConnectAnswer, Ending, Foreign, ForeignAnswer,
    HelloAnswer, LicenseAnswer, Opening, Outcome, SessionAnswer, SignIn, Then,
};
use crate::channel::Channel;
use crate::credssp::{self, Token};
use crate::link::Link;
use crate::tls::{self, ClientHello};
use crate::x224::{self, Request};
use crate::{ConnectionRecord, der, mcs, session, sign_in};

/// No conversation takes longer; silence has its own bound in the link.
const LONGEST_CONVERSATION: Duration = Duration::from_secs(600);

/// How long after accepting a server hangs up that reads nothing.
const AFTER_ACCEPT: Duration = Duration::from_millis(50);

/// SPNEGO agrees on NTLM within two messages of the client.
const MOST_TOKENS: usize = 3;

/// STATUS_LOGON_FAILURE (MS-ERREF 2.3.1): what Windows says of any wrong user or password.
const STATUS_LOGON_FAILURE: u32 = 0xC000_006D;

/// What a web server says to what is no HTTP request.
pub(crate) const BAD_REQUEST: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// A server with everything that is made once.
pub(crate) struct Server {
    pub(crate) behaviour: &'static Behaviour,
    pub(crate) computer: Computer,
    pub(crate) context: SslContext,
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
        match &self.behaviour.opening {
            Opening::Await => self.negotiation(channel).await,
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

    async fn negotiation(&self, channel: &mut Channel) -> io::Result<Then> {
        let message = channel.message(x224::frame).await?;
        let request = Request::read(&message).ok_or(io::ErrorKind::InvalidData)?;
        match (self.behaviour.negotiation)(&request) {
            Answer::Select(protocol) => {
                channel.send(&x224::response(protocol, self.behaviour.response_flags)).await?;
                if protocol == 0 {
                    return self.connect(channel, request, true).await;
                }
                if let Some(then) = self.tls(channel).await? {
                    return Ok(then);
                }
                match protocol {
                    x224::PROTOCOL_SSL => self.connect(channel, request, false).await,
                    x224::PROTOCOL_HYBRID | x224::PROTOCOL_HYBRID_EX => {
                        match self.sign_in(channel, protocol).await? {
                            Some(then) => Ok(then),
                            None => self.connect(channel, request, false).await,
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
                self.connect(channel, request, true).await
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
                channel.secure(&self.context).await?;
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

    /// `None` when somebody has signed in.
    async fn sign_in(&self, channel: &mut Channel, protocol: u32) -> io::Result<Option<Then>> {
        let mut first = channel.message(der::frame).await?;
        let then = match &self.behaviour.sign_in {
            SignIn::Challenge(settings) => {
                self.challenge(channel, first, settings).await?;
                self.refuse(channel, STATUS_LOGON_FAILURE).await?
            }
            SignIn::Refuse(status) => {
                self.challenge(channel, first, &Challenge::HEALTHY).await?;
                self.refuse(channel, *status).await?
            }
            SignIn::AtProof(instead) => {
                self.challenge(channel, first, &Challenge::HEALTHY).await?;
                channel.perform(*instead).await?
            }
            SignIn::Complete(outcome) => {
                // No domain: whoever comes with Kerberos is asked for NTLM.
                if credssp::token(&first) == Some(Token::OtherInSpnego) {
                    channel.send(&credssp::choose_ntlm(6)).await?;
                    first = channel.message(der::frame).await?;
                }
                let key = self.subject_public_key()?;
                let early = protocol == x224::PROTOCOL_HYBRID_EX;
                let signed_in = sign_in::complete(channel, &first, key, *outcome, early).await?;
                match (signed_in, outcome) {
                    (false, _) => self.refuse(channel, STATUS_LOGON_FAILURE).await?,
                    (true, Outcome::Authorization(_)) => Then::End(Ending::Fin),
                    (true, _) => return Ok(None),
                }
            }
            SignIn::Status(status) => self.refuse(channel, *status).await?,
            SignIn::Empty => {
                channel.send(&credssp::empty(6)).await?;
                Then::Silence
            }
            SignIn::CloseNotify => channel.close_notify().await?,
            SignIn::Instead(instead) => channel.perform(*instead).await?,
        };
        Ok(Some(then))
    }

    /// Sends the challenge and takes the answer.
    async fn challenge(
        &self,
        channel: &mut Channel,
        first: Vec<u8>,
        settings: &Challenge,
    ) -> io::Result<()> {
        let mut token = credssp::token(&first);
        for _ in 1..MOST_TOKENS {
            if token != Some(Token::OtherInSpnego) {
                break;
            }
            channel.send(&credssp::choose_ntlm(settings.version)).await?;
            token = credssp::token(&channel.message(der::frame).await?);
        }
        let token = token.ok_or(io::ErrorKind::InvalidData)?;
        let mut challenge = [0; 8];
        rand_bytes(&mut challenge)?;
        let answer = credssp::challenge(settings, &self.computer, challenge, &token);
        channel.send(&answer).await?;
        channel.message(der::frame).await?;
        Ok(())
    }

    async fn refuse(&self, channel: &mut Channel, status: u32) -> io::Result<Then> {
        channel.send(&credssp::status(6, status)).await?;
        Ok(Then::End(Ending::Fin))
    }

    /// What CredSSP binds to: the content of the certificate's key (MS-CSSP 3.1.5).
    fn subject_public_key(&self) -> io::Result<Vec<u8>> {
        let certificate = self.context.certificate().ok_or(io::ErrorKind::NotFound)?;
        Ok(certificate.public_key()?.rsa()?.public_key_to_der_pkcs1()?)
    }

    async fn connect(
        &self,
        channel: &mut Channel,
        request: Request,
        standard_security: bool,
    ) -> io::Result<Then> {
        let initial = channel.message(x224::frame).await?;
        let protocols = request.requested.unwrap_or(0);
        let response =
            |result| mcs::connect_response(&initial, protocols, standard_security, result);
        match &self.behaviour.connect {
            ConnectAnswer::Response => {
                channel.send(&response(0)?).await?;
                if standard_security {
                    // What follows is encrypted, and stays unanswered.
                    loop {
                        channel.anything().await?;
                    }
                }
                self.session(channel).await
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

    /// Channels, licence, session; until the client leaves.
    async fn session(&self, channel: &mut Channel) -> io::Result<Then> {
        loop {
            let request = session::read(&channel.message(session::frame).await?);
            let then = match request {
                session::Request::AttachUser => {
                    channel.send(&session::attached()?).await?;
                    None
                }
                session::Request::Join(id) => {
                    channel.send(&session::joined(id)?).await?;
                    None
                }
                session::Request::ClientInfo => self.license(channel).await?,
                session::Request::FontList => self.finalise(channel).await?,
                session::Request::Shutdown => {
                    channel.send(&session::shutdown_denied()?).await?;
                    None
                }
                session::Request::Disconnect => Some(Then::End(Ending::Fin)),
                session::Request::ConfirmActive | session::Request::Other => None,
            };
            if let Some(then) = then {
                return Ok(then);
            }
        }
    }

    async fn license(&self, channel: &mut Channel) -> io::Result<Option<Then>> {
        const STATUS_VALID_CLIENT: u32 = 7;
        match self.behaviour.license {
            LicenseAnswer::Valid => {
                channel.send(&session::license_error(STATUS_VALID_CLIENT)?).await?;
            }
            LicenseAnswer::Error(code) => {
                channel.send(&session::license_error(code)?).await?;
                return Ok(Some(Then::End(Ending::Fin)));
            }
            LicenseAnswer::ErrorInfo(code) => return self.end_with(channel, code).await.map(Some),
            LicenseAnswer::Garbage => {
                channel.send(&session::license_garbage()?).await?;
                return Ok(Some(Then::Silence));
            }
            LicenseAnswer::Instead(instead) => return channel.perform(instead).await.map(Some),
        }
        match self.behaviour.session {
            SessionAnswer::Garbage => {
                channel.send(&session::broken_demand_active()?).await?;
                Ok(Some(Then::Silence))
            }
            SessionAnswer::Instead(instead) => channel.perform(instead).await.map(Some),
            _ => {
                channel.send(&session::demand_active()?).await?;
                Ok(None)
            }
        }
    }

    async fn finalise(&self, channel: &mut Channel) -> io::Result<Option<Then>> {
        channel.send(&session::finalisation()?).await?;
        match self.behaviour.session {
            SessionAnswer::ErrorInfo(code) => return self.end_with(channel, code).await.map(Some),
            SessionAnswer::Notification(kind, number) => {
                channel.send(&session::notification(kind, number)?).await?;
            }
            SessionAnswer::Unpainted => {
                channel.send(&session::logged_on(&self.computer.domain, crate::USER)?).await?;
            }
            SessionAnswer::Desktop | SessionAnswer::Garbage | SessionAnswer::Instead(_) => {
                channel.send(&session::logged_on(&self.computer.domain, crate::USER)?).await?;
                channel.send(&session::picture()?).await?;
            }
        }
        Ok(None)
    }

    async fn end_with(&self, channel: &mut Channel, code: u32) -> io::Result<Then> {
        channel.send(&session::error_info(code)?).await?;
        channel.send(&mcs::ultimatum()?).await?;
        Ok(Then::End(Ending::Fin))
    }
}
