//! The steps of CredSSP (MS-CSSP 3.1.5), from the first TSRequest to the delegated credentials.

use std::io;
use std::net::SocketAddr;

use openssl::rand::rand_bytes;

use crate::behaviour::{Challenge, Ending, SignIn, Then, Verdict};
use crate::channel::Channel;
use crate::credssp::{self, Negotiation, Token, TsRequest};
use crate::ntlm::{self, Earlier, Outcome, Sealing};
use crate::server::Server;
use crate::session::Logon;
use crate::tickets::Tickets;
use crate::x224::PROTOCOL_HYBRID_EX;
use crate::{PASSWORD, USER, der};

/// SPNEGO agrees on NTLM within two messages of the client.
const MOST_TOKENS: usize = 3;

/// The user or the password is wrong; Windows does not say which (MS-ERREF 2.3.1).
const STATUS_LOGON_FAILURE: u32 = 0xC000_006D;

/// What a sign-in leads to.
pub(crate) enum SignedIn {
    /// To a session, logged on or not: a client may delegate other credentials than it proved.
    Session(Logon),
    /// To the end.
    Over(Then),
}

impl From<Then> for SignedIn {
    fn from(then: Then) -> Self {
        Self::Over(then)
    }
}

impl Server {
    pub(crate) async fn sign_in(
        &self,
        channel: &mut Channel,
        protocol: u32,
    ) -> io::Result<SignedIn> {
        let first = next(channel).await?;
        let then = match &self.behaviour.sign_in {
            SignIn::Challenge(settings) => {
                return match self.tickets.filter(|_| kind(&first) == Some(Token::Ticket)) {
                    Some(place) => self.kerberos(channel, settings, protocol, first, place).await,
                    None => self.ntlm(channel, settings, protocol, first).await,
                };
            }
            SignIn::Status(status) => {
                channel.send(&credssp::status(6, *status)).await?;
                Then::End(Ending::Fin)
            }
            SignIn::Empty => {
                channel.send(&credssp::empty(6)).await?;
                Then::Silence
            }
            SignIn::CloseNotify => channel.close_notify().await?,
            SignIn::Instead(instead) => channel.perform(*instead).await?,
        };
        Ok(then.into())
    }

    async fn ntlm(
        &self,
        channel: &mut Channel,
        settings: &Challenge,
        protocol: u32,
        first: Vec<u8>,
    ) -> io::Result<SignedIn> {
        let mut message = first;
        let mut mechanisms = mechanisms_of(&message);
        for _ in 1..MOST_TOKENS {
            if !matches!(kind(&message), Some(Token::OtherInSpnego | Token::Ticket)) {
                break;
            }
            if let Some(code) = self.ticket_error {
                channel.send(&credssp::refuse_ticket(settings.version, code)).await?;
                return Ok(Then::End(Ending::Fin).into());
            }
            channel.send(&credssp::choose_ntlm(settings.version)).await?;
            message = next(channel).await?;
            mechanisms = mechanisms.or_else(|| mechanisms_of(&message));
        }
        let kind = kind(&message).ok_or(io::ErrorKind::InvalidData)?;
        let mut server_challenge = [0; 8];
        rand_bytes(&mut server_challenge)?;
        let challenge = credssp::ntlm_challenge(settings, &self.computer, server_challenge);
        channel.send(&credssp::challenge(settings, &challenge, &kind)).await?;

        let answer = next(channel).await?;
        let request = read(&answer)?;
        // Each says what it knows; what both know counts.
        let version = request.version.min(settings.version);
        let negotiation = request.token.map(Negotiation::read).unwrap_or_default();
        let negotiate = read(&message)?.token.and_then(|token| Negotiation::read(token).message);
        let negotiate = negotiate.unwrap_or_default();
        let earlier = Earlier { negotiate, challenge: &challenge, server_challenge };
        let authenticate = negotiation.message.ok_or(io::ErrorKind::InvalidData)?;
        let mut sealing = match ntlm::judge(authenticate, &earlier) {
            Outcome::Proved(sealing) => sealing,
            Outcome::Wrong => {
                return refuse(channel, settings, version, STATUS_LOGON_FAILURE).await;
            }
            Outcome::Invalid => return Err(io::ErrorKind::InvalidData.into()),
        };
        if let Some(over) = self.judged(channel, settings, version).await? {
            return Ok(over);
        }

        // The last word of SPNEGO travels with the proof of the key, or before it when the client
        // waits for it.
        let mut completed = None;
        if negotiation.spnego {
            let mechanisms = mechanisms.unwrap_or_default();
            let mic = match negotiation.mic {
                Some(mic) if sealing.fits_mechanisms(mic, &mechanisms) => {
                    Some(sealing.mechanisms(&mechanisms))
                }
                Some(_) => return Err(io::ErrorKind::InvalidData.into()),
                None => None,
            };
            completed = Some(mic);
        }
        let mut keys = Keys::Ntlm(sealing);
        let logon = if request.pub_key_auth.is_some() {
            self.delegation(channel, &mut keys, settings, completed, &request).await?
        } else {
            channel.send(&credssp::proof(settings.version, completed, None)).await?;
            let message = next(channel).await?;
            self.delegation(channel, &mut keys, settings, None, &read(&message)?).await?
        };
        self.authorized(channel, protocol, logon).await
    }

    /// A ticket, which somebody else takes, and what GSS-API seals behind it.
    async fn kerberos(
        &self,
        channel: &mut Channel,
        settings: &Challenge,
        protocol: u32,
        first: Vec<u8>,
        place: SocketAddr,
    ) -> io::Result<SignedIn> {
        let mut tickets = Tickets::open(place).await?;
        let mut message = first;
        for _ in 0..MOST_TOKENS {
            let request = read(&message)?;
            let version = request.version.min(settings.version);
            if request.pub_key_auth.is_some() {
                let mut keys = Keys::Ticket(tickets);
                let logon = self.delegation(channel, &mut keys, settings, None, &request).await?;
                return self.authorized(channel, protocol, logon).await;
            }
            let token = request.token.ok_or(io::ErrorKind::InvalidData)?;
            let Ok(answer) = tickets.step(token).await else {
                return refuse(channel, settings, version, STATUS_LOGON_FAILURE).await;
            };
            channel.note(|record| record.ticket_taken = true);
            if let Some(over) = self.judged(channel, settings, version).await? {
                return Ok(over);
            }
            channel.send(&credssp::with_token(settings.version, &answer)).await?;
            message = next(channel).await?;
        }
        Err(io::ErrorKind::InvalidData.into())
    }

    /// What the server does with somebody who has proved who they are, if that is the end.
    async fn judged(
        &self,
        channel: &mut Channel,
        settings: &Challenge,
        version: u8,
    ) -> io::Result<Option<SignedIn>> {
        match &self.behaviour.verdict {
            Verdict::Status(status) => refuse(channel, settings, version, *status).await.map(Some),
            Verdict::Instead(instead) => Ok(Some(channel.perform(*instead).await?.into())),
            Verdict::Accept | Verdict::OtherKey | Verdict::EarlyAuthorization(_) => Ok(None),
        }
    }

    /// The Early User Authorization Result, where one is wanted.
    async fn authorized(
        &self,
        channel: &mut Channel,
        protocol: u32,
        logon: Logon,
    ) -> io::Result<SignedIn> {
        if protocol == PROTOCOL_HYBRID_EX {
            let result = match self.behaviour.verdict {
                Verdict::EarlyAuthorization(result) => result,
                _ => 0,
            };
            channel.send(&result.to_le_bytes()).await?;
            if result != 0 {
                return Ok(Then::End(Ending::Fin).into());
            }
        }
        Ok(SignedIn::Session(logon))
    }

    /// Checks the client's proof of the server's key, gives the server's, and takes the credentials.
    async fn delegation(
        &self,
        channel: &mut Channel,
        keys: &mut Keys,
        settings: &Challenge,
        completed: Option<Option<ntlm::Key>>,
        request: &TsRequest<'_>,
    ) -> io::Result<Logon> {
        let version = request.version.min(settings.version);
        let nonce = request.client_nonce.unwrap_or_default();
        let proof = match request.pub_key_auth {
            Some(sealed) => keys.unseal(sealed).await,
            None => None,
        };
        if proof != Some(credssp::key_proof(version, false, nonce, &self.public_key)) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut key = self.public_key.clone();
        if let (Verdict::OtherKey, Some(byte)) = (&self.behaviour.verdict, key.get_mut(20)) {
            *byte ^= 1;
        }
        let proof = keys.seal(&credssp::key_proof(version, true, nonce, &key)).await?;
        channel.send(&credssp::proof(settings.version, completed, Some(&proof))).await?;

        let message = next(channel).await?;
        let sealed = read(&message)?.auth_info.ok_or(io::ErrorKind::InvalidData)?;
        let credentials = keys.unseal(sealed).await.ok_or(io::ErrorKind::InvalidData)?;
        let Some(credentials) = credssp::credentials(&credentials) else {
            // A smart card, or something newer: credentials all the same.
            channel.note(|record| record.credentials_received = true);
            return Ok(Logon::Failed);
        };
        if credentials.password.is_empty() {
            // Restricted administration delegates nothing (MS-CSSP 3.1.5).
            return Ok(Logon::Done);
        }
        channel.note(|record| record.credentials_received = true);
        let known = is_account(&credentials.user, &credentials.password);
        Ok(if known { Logon::Done } else { Logon::Failed })
    }
}

/// What a sign-in's messages are sealed with.
enum Keys {
    Ntlm(Box<Sealing>),
    Ticket(Tickets),
}

impl Keys {
    /// What the client sealed; `None` when it does not fit.
    async fn unseal(&mut self, sealed: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Ntlm(sealing) => sealing.unseal(sealed),
            Self::Ticket(tickets) => tickets.unseal(sealed).await.ok(),
        }
    }

    async fn seal(&mut self, plain: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Ntlm(sealing) => Ok(sealing.seal(plain)),
            Self::Ticket(tickets) => tickets.seal(plain).await,
        }
    }
}

/// Whether a user's name, in whatever form, and a password are those of the lab's account.
pub(crate) fn is_account(user: &str, password: &str) -> bool {
    let user = user.rsplit('\\').next().unwrap_or_default();
    let user = user.split('@').next().unwrap_or_default();
    user.eq_ignore_ascii_case(USER) && password == PASSWORD
}

/// The client's next TSRequest, with a note in the record when a proof of a password is inside.
async fn next(channel: &mut Channel) -> io::Result<Vec<u8>> {
    let message = channel.message(der::frame).await?;
    if message.windows(ntlm::AUTHENTICATE.len()).any(|window| window == ntlm::AUTHENTICATE) {
        channel.note(|record| record.authenticate_received = true);
    }
    Ok(message)
}

fn read(message: &[u8]) -> io::Result<TsRequest<'_>> {
    TsRequest::read(message).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn kind(message: &[u8]) -> Option<Token> {
    TsRequest::read(message)?.token.map(Token::of)
}

fn mechanisms_of(message: &[u8]) -> Option<Vec<u8>> {
    Negotiation::read(TsRequest::read(message)?.token?).mechanisms.map(<[u8]>::to_vec)
}

/// Says why and ends; versions 2 and 5 have no word for it (MS-CSSP 2.2.1).
async fn refuse(
    channel: &mut Channel,
    settings: &Challenge,
    version: u8,
    status: u32,
) -> io::Result<SignedIn> {
    if matches!(version, 3 | 4 | 6..) {
        channel.send(&credssp::status(settings.version, status)).await?;
    }
    Ok(Then::End(Ending::Fin).into())
}
