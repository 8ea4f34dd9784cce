//! Signing in by Negotiate (RFC 4559): Kerberos where Windows would, else NTLM; never Basic, which hands
//! the password over.

use hyper::header::{HeaderMap, SERVER, WWW_AUTHENTICATE};
use openssl::base64::{decode_block, encode_block};
use rdpdoctor_model::{Fact, GatewayTransport, Mechanism, ReleaseReason, Stage};
use sspi::SecurityStatus;
use tokio::time::Instant;

use super::Problem;
use super::connect::Link;
use super::http::{Body, Reply};
use super::seal::Signed;
use crate::context::Context;
use crate::kerberos::Kdc;
use crate::sign_in::SignIn;
use crate::stages::credssp;
use crate::stages::gateway::token::{self, NtlmClient};
use crate::tickets::Tickets;

/// The one scheme that is used.
const NEGOTIATE: &str = "Negotiate";

/// A negotiation takes at most so many answers.
const MOST_ROUNDS: usize = 4;

/// What is kept of what a server says that it is.
const LONGEST_TEXT: usize = 80;

/// Who signed in, and how.
pub(super) struct Admitted {
    pub(super) signed: Signed,
    pub(super) mechanism: Mechanism,
}

/// Asks without credentials first: what answers shows what it is, and what it takes.
pub(super) async fn sign_in(context: &Context, link: &mut Link) -> Result<Admitted, Problem> {
    let Some(sign_in) = &context.sign_in else {
        return Err(Problem::Own("nobody signs in".to_owned()));
    };
    let port = context.target.port;
    let first = ask(context, link, None).await.map_err(|why| match why {
        // Whoever greets first, or hangs up on a request by HTTP, is another service.
        Problem::Ended { .. } | Problem::NotWinrm { .. } => {
            Problem::NotWinrm { port, what: "it does not answer by HTTP".to_owned() }
        }
        why => why,
    })?;
    if first.status != 401 {
        return Err(not_winrm(context, &first));
    }
    let offers = schemes(&first.headers);
    if !offers.iter().any(|offer| offer.eq_ignore_ascii_case(NEGOTIATE)) {
        return Err(Problem::NoScheme { offers });
    }
    let mut negotiation = Negotiation { context, link, sign_in, offers };
    if let Some(realm) = negotiation.realm()
        && let Some(admitted) = negotiation.by_kerberos(&realm).await?
    {
        return Ok(admitted);
    }
    if sign_in.mechanism == Some(Mechanism::Kerberos) {
        let why = "it needs a host's name, not an address, and a user with a realm (user@realm)";
        return Err(Problem::Kerberos(why.to_owned()));
    }
    negotiation.by_ntlm().await
}

struct Negotiation<'a> {
    context: &'a Context,
    link: &'a mut Link,
    sign_in: &'a SignIn,
    offers: Vec<String>,
}

impl Negotiation<'_> {
    /// The realm in which Kerberos is tried.
    fn realm(&self) -> Option<String> {
        let by_name = || self.sign_in.user.domain().map(str::to_uppercase);
        let realm = self.sign_in.user.realm().or_else(|| self.sign_in.kdc.as_ref().and(by_name()));
        let wanted = self.sign_in.mechanism != Some(Mechanism::Ntlm);
        realm.filter(|_| wanted && !self.context.target.is_address())
    }

    fn service(&self) -> String {
        format!("HTTP/{}", self.context.target.host)
    }

    fn workstation(&self) -> String {
        self.context.own_name().to_uppercase()
    }

    async fn by_ntlm(&mut self) -> Result<Admitted, Problem> {
        let own = Problem::Own;
        let identity = self.sign_in.identity().map_err(own)?;
        let binding = self.link.certificate.as_ref().and_then(token::binding);
        let mut client =
            NtlmClient::new(&identity, self.service(), self.workstation(), binding.as_deref())
                .map_err(own)?;
        let first = client.step(&[]).map_err(own)?;
        let answer = self.begin(&first).await?;
        let Some(challenge) = challenge(&answer.headers) else {
            let what = "it offers to negotiate and gives no NTLM challenge";
            return Err(Problem::Malformed(what.to_owned()));
        };
        self.gate(None).await?;
        let proof = client.step(&challenge).map_err(own)?;
        self.context.note(Stage::Gateway, Fact::CredentialSent { mechanism: Mechanism::Ntlm });
        let answer = self.ask(&proof).await?;
        self.taken(&answer)?;
        Ok(Admitted { signed: Signed::Ntlm(Box::new(client)), mechanism: Mechanism::Ntlm })
    }

    /// `None` where no ticket was had, and the centre has not judged the user: Windows goes on with NTLM.
    async fn by_kerberos(&mut self, realm: &str) -> Result<Option<Admitted>, Problem> {
        let only = self.sign_in.mechanism.is_some();
        let named = self.sign_in.kdc.as_deref();
        let context = self.context;
        let kdc = match Kdc::find(context, realm, named, self.service()).await {
            Ok(kdc) => kdc,
            Err(unavailable) => {
                context.note(Stage::Gateway, unavailable);
                let why = "no key distribution centre can be asked";
                return if only { Err(Problem::Kerberos(why.to_owned())) } else { Ok(None) };
            }
        };
        let own = |error: sspi::Error| Problem::Own(error.to_string());
        let credentials = self.sign_in.identity().map_err(Problem::Own)?.into();
        let binding = self.link.certificate.as_ref().and_then(token::binding);
        let binding = binding.map(|binding| token::packed(&binding));
        let mut client =
            Tickets::new(&credentials, self.service(), self.workstation(), binding).map_err(own)?;
        let Ok((mut token, mut status)) = client.token(Vec::new(), &kdc).await else {
            let error = kdc.error();
            return match (error, error.is_some_and(credssp::judged) || only) {
                (_, false) => Ok(None),
                (Some(code), true) => {
                    Err(Problem::Kerberos(format!("the key distribution centre says error {code}")))
                }
                (None, true) => {
                    Err(Problem::Kerberos("the key distribution centre gave no ticket".to_owned()))
                }
            };
        };
        self.gate(Some(Mechanism::Kerberos)).await?;
        if !self.link.http.is_usable().await {
            *self.link = self.link.again(context).await?;
        }
        let mechanism = Mechanism::Kerberos;
        context.note(Stage::Gateway, Fact::CredentialSent { mechanism });
        for _ in 0..MOST_ROUNDS {
            let answer = self.ask(&token).await?;
            let more = challenge(&answer.headers);
            if answer.status != 401 || more.is_none() {
                self.taken(&answer)?;
            }
            if let Some(input) = more {
                (token, status) = client.token(input, &kdc).await.map_err(|_| unproven())?;
            }
            if answer.status != 401 {
                // Without its own proof the server may be anybody (mutual authentication).
                return match status {
                    SecurityStatus::Ok => {
                        let signed = Signed::Kerberos(Box::new(client));
                        Ok(Some(Admitted { signed, mechanism }))
                    }
                    _ => Err(unproven()),
                };
            }
        }
        Err(Problem::Malformed("its negotiation has no end".to_owned()))
    }

    /// Asks with a token that proves nothing. The server may have ended the connection behind its first
    /// answer, and that may be noticed only now: then it is asked on another one (RFC 9112 9.3.1).
    async fn begin(&mut self, token: &[u8]) -> Result<Reply, Problem> {
        match self.ask(token).await {
            Err(Problem::Ended { .. }) => {
                *self.link = self.link.again(self.context).await?;
                self.ask(token).await
            }
            answer => answer,
        }
    }

    async fn ask(&mut self, token: &[u8]) -> Result<Reply, Problem> {
        let header = format!("{NEGOTIATE} {}", encode_block(token));
        ask(self.context, self.link, Some(&header)).await
    }

    /// Whether a credential may leave for this port's owner.
    async fn gate(&self, mechanism: Option<Mechanism>) -> Result<(), Problem> {
        if credssp::released(self.context, self.sign_in, mechanism).await.is_ok() {
            return Ok(());
        }
        let seen = self.context.journal.observations();
        let reason = seen.iter().rev().find_map(|o| match o.fact {
            Fact::CredentialRelease { reason, .. } => Some(reason),
            _ => None,
        });
        let fingerprint = seen.iter().rev().find_map(|o| match &o.fact {
            Fact::ServerCertificates { certificates } => certificates.first(),
            _ => None,
        });
        Err(Problem::NotReleased {
            port: self.context.target.port,
            reason: reason.unwrap_or(ReleaseReason::NotJudged),
            fingerprint: fingerprint.map(|certificate| certificate.sha256.clone()),
        })
    }

    /// Whether the credentials were taken; what is not is written down, so that it is remembered.
    fn taken(&self, answer: &Reply) -> Result<(), Problem> {
        if answer.status != 401 {
            return Ok(());
        }
        let fact = Fact::GatewayAnswer {
            transport: GatewayTransport::Http,
            status: answer.status,
            reason: None,
            schemes: schemes(&answer.headers),
            server: None,
            after_credentials: true,
        };
        self.context.note(Stage::Gateway, fact);
        let again = schemes(&answer.headers);
        let offers = if again.is_empty() { self.offers.clone() } else { again };
        Err(Problem::Rejected { offers })
    }
}

fn unproven() -> Problem {
    Problem::Kerberos("the server did not prove that the ticket is for it".to_owned())
}

/// A request that carries nothing but who asks.
async fn ask(
    context: &Context,
    link: &mut Link,
    authorization: Option<&str>,
) -> Result<Reply, Problem> {
    let deadline = Instant::now() + context.deadlines.gateway;
    let body = Body { kind: rdpdoctor_wire::wsman::SOAP.to_owned(), bytes: Vec::new() };
    link.http.post(context, authorization, body, deadline).await
}

/// What answered in place of WinRM.
fn not_winrm(context: &Context, reply: &Reply) -> Problem {
    let server: String = reply
        .header(SERVER.as_str())
        .chars()
        .take(LONGEST_TEXT)
        .filter(|c| !c.is_control())
        .collect();
    let status = reply.status;
    let what = match server.is_empty() {
        true => format!("HTTP status {status}"),
        false => format!("HTTP status {status} of {server}"),
    };
    Problem::NotWinrm { port: context.target.port, what }
}

/// The names of the schemes that an answer offers, each once.
fn schemes(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter();
    rdpdoctor_wire::gateway::schemes(values.filter_map(|value| value.to_str().ok()))
}

/// The token of a negotiation.
fn challenge(headers: &HeaderMap) -> Option<Vec<u8>> {
    headers.get_all(WWW_AUTHENTICATE).iter().find_map(|value| {
        let (name, token) = value.to_str().ok()?.split_once(' ')?;
        let token = name.eq_ignore_ascii_case(NEGOTIATE).then(|| token.trim())?;
        decode_block(token).ok().filter(|token| !token.is_empty())
    })
}
