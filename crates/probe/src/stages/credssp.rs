//! CredSSP (MS-CSSP 3.1.5): up to the NTLM challenge without any credential, or to its end with
//! one.
//!
//! `sspi` makes the messages. NTLM and Kerberos are two explicit modes: its own negotiation falls
//! back without a word and loses the reason. Who is logged on signs in by Windows' own library, which
//! negotiates by itself.

use rdpdoctor_model::{Fact, Mechanism, Party, ReleaseReason, Stage};
use rdpdoctor_wire::{Shown, encode, frame, shown, subject_public_key};
use sspi::Credentials;
use sspi::credssp::write_ts_credentials;
use sspi::credssp::{ClientMode, ClientState, CredSspClient, CredSspMode, TsRequest};
use sspi::generator::{Generator, GeneratorState, NetworkRequest};
use sspi::ntlm::NtlmConfig;
use sspi::{AuthIdentityBuffers, CredentialsBuffers};
use tokio::time::{Instant, timeout_at};

use crate::context::Context;
use crate::credssp_client::{Client, Refusal, Tokens};
use crate::kerberos::Kdc;
use crate::link::{Link, Over};
use crate::logged_on::LoggedOn;
use crate::sign_in::{Credential, Release, SignIn};
use crate::tickets::TicketTokens;

/// The version that mended CVE-2018-0886; nothing goes to older servers.
const OLDEST_SAFE_VERSION: u32 = 5;

/// PROTOCOL_HYBRID_EX: the server says whether the user may log on before the session begins.
const PROTOCOL_HYBRID_EX: u32 = 8;

/// Negotiation takes at most so many messages of the server.
const MOST_ROUNDS: usize = 8;

/// Kerberos errors after which Windows does not go on with NTLM, since the centre has judged the
/// user or the clock (RFC 4120 7.5.9): KDC_ERR_POLICY, KDC_ERR_CLIENT_REVOKED, KDC_ERR_KEY_EXPIRED,
/// KDC_ERR_PREAUTH_FAILED, KRB_AP_ERR_SKEW.
const JUDGED: [u32; 5] = [12, 18, 23, 24, 37];

/// Whether a key distribution centre has judged the user or the clock with this error.
pub(crate) fn judged(error: u32) -> bool {
    JUDGED.contains(&error)
}

const NO_PROOF: &str = "the server sent no proof of its key";

/// Asks for the challenge; the error says why there is none.
pub(crate) async fn challenge(context: &Context, link: &mut Link) -> Result<(), String> {
    let deadline = Instant::now() + context.deadlines.credssp;
    link.send(&encode::credssp_negotiate(), deadline).await.map_err(|over| over.0)?;
    let answer = link.message(frame::ts_request, deadline).await;
    let seen = link.facts().iter().any(|fact| matches!(fact, Fact::NtlmChallenge { .. }));
    link.finish();
    match answer {
        _ if seen => Ok(()),
        Ok(_) => Err("the server sent no NTLM challenge".to_owned()),
        Err(over) => Err(over.0),
    }
}

/// Why a sign-in did not succeed.
pub(crate) enum Failure {
    /// It is over.
    Over(String),
    /// Kerberos came to nothing before any credential was sent; Windows goes on with NTLM, here on a
    /// connection of its own.
    WithoutKerberos(String),
}

/// How far a sign-in came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signed {
    /// To its end: the connection goes on with MCS.
    Through,
    /// To the server's proof of its key, which says that it takes the user (MS-CSSP 3.1.5, step 4): there
    /// are no credentials that could be handed over.
    Proved,
}

/// Signs in.
pub(crate) async fn run(
    context: &Context,
    link: &mut Link,
    protocol: u32,
    sign_in: &SignIn,
) -> Result<Signed, Failure> {
    let mut attempt = Attempt {
        context,
        link,
        sign_in,
        protocol,
        service: format!("TERMSRV/{}", context.target.host),
        deadline: Instant::now() + context.deadlines.sign_in,
        sent: None,
    };
    let result = match sign_in.credential {
        Credential::Password(_) => attempt.begin().await.map(|()| Signed::Through),
        Credential::LoggedOn => attempt.logged_on().await.map_err(Failure::Over),
    };
    if result.is_err() {
        attempt.link.finish();
    }
    result
}

struct Attempt<'a> {
    context: &'a Context,
    link: &'a mut Link,
    sign_in: &'a SignIn,
    protocol: u32,
    /// The service principal name (MS-CSSP 3.1.5).
    service: String,
    deadline: Instant,
    /// The mechanism of which a proof left.
    sent: Option<Mechanism>,
}

impl Attempt<'_> {
    /// Kerberos first where Windows would: the server has a name, and the user a realm.
    async fn begin(&mut self) -> Result<(), Failure> {
        let only = self.sign_in.mechanism;
        let realm = self.realm().filter(|_| only != Some(Mechanism::Ntlm));
        let Some(realm) = realm else {
            if only == Some(Mechanism::Kerberos) {
                let why = "Kerberos needs a host name and a user with a realm (user@realm)";
                return Err(Failure::Over(why.to_owned()));
            }
            return self.ntlm().await.map_err(Failure::Over);
        };
        let named = self.sign_in.kdc.as_deref();
        match Kdc::find(self.context, &realm, named, self.service.clone()).await {
            Ok(kdc) => {
                let by_centre = || kdc.error().is_some_and(judged);
                match self.kerberos(&kdc).await {
                    Ok(()) => Ok(()),
                    Err(Stopped::Unmade(_)) if by_centre() || only.is_some() => {
                        let why = "the key distribution centre gave no ticket";
                        Err(Failure::Over(why.to_owned()))
                    }
                    Err(Stopped::Unmade(_)) => self.ntlm().await.map_err(Failure::Over),
                    // A server that has no use for the ticket asks for another mechanism.
                    Err(Stopped::NotTaken(_)) => {
                        let why = "the server has no use for the ticket".to_owned();
                        Err(match only {
                            None => Failure::WithoutKerberos(why),
                            Some(_) => Failure::Over(why),
                        })
                    }
                    Err(Stopped::Over(why)) => Err(Failure::Over(why)),
                }
            }
            Err(unavailable) => {
                self.note(unavailable);
                match only {
                    Some(_) => {
                        Err(Failure::Over("no key distribution centre can be asked".to_owned()))
                    }
                    None => self.ntlm().await.map_err(Failure::Over),
                }
            }
        }
    }

    fn realm(&self) -> Option<String> {
        let user = &self.sign_in.user;
        // A centre that was named may know the domain by its NetBIOS name.
        let by_name = || user.domain().map(str::to_uppercase);
        let realm = user.realm().or_else(|| self.sign_in.kdc.as_ref().and_then(|_| by_name()));
        realm.filter(|_| !self.context.target.is_address())
    }

    async fn ntlm(&mut self) -> Result<(), String> {
        let mut client = self.ntlm_client()?;
        let first = step(&mut client, TsRequest::default())?;
        self.send(first).await?;
        let challenge = self.receive().await?;
        self.gate(None).await?;
        let answer = step(&mut client, challenge)?;
        self.note(Fact::CredentialSent { mechanism: Mechanism::Ntlm });
        self.send(answer).await?;
        let proof = self.receive().await?;
        if proof.pub_key_auth.is_none() {
            return Err(NO_PROOF.to_owned());
        }
        let last = self.proved(Mechanism::Ntlm, complete(client.process(proof)))?;
        self.delegate(last, Mechanism::Ntlm).await
    }

    /// The centre judges the password first; until then nothing is sent to the server.
    async fn kerberos(&mut self, kdc: &Kdc<'_>) -> Result<(), Stopped> {
        let (key, identity) = (self.public_key()?, self.identity()?);
        let (service, workstation) = (self.service.clone(), self.workstation());
        let tokens = TicketTokens::new(&identity, service, workstation, kdc);
        let tokens = tokens.map_err(|error| Stopped::Over(error.to_string()))?;
        let mut client = Client::new(tokens, key).map_err(own)?;
        let mechanism = self.negotiate(&mut client).await?;
        let credentials = client.tokens().credentials(self.delegation()).map_err(own)?;
        let last = client.delegate(&credentials).map_err(own)?;
        Ok(self.delegate(last, mechanism).await?)
    }

    /// As who is logged on, by Windows' own library. Nobody has the password: only where nothing has to
    /// be handed over does it go on behind the server's proof.
    async fn logged_on(&mut self) -> Result<Signed, String> {
        let only = self.sign_in.mechanism;
        let package = match only {
            None => "Negotiate",
            Some(Mechanism::Kerberos) => "Kerberos",
            Some(_) => "NTLM",
        };
        let tokens = LoggedOn::new(package, &self.service);
        let user = self.sign_in.user.to_string();
        self.note(Fact::SystemSignIn {
            library: LoggedOn::LIBRARY.to_owned(),
            package: package.to_owned(),
            user,
            service: self.service.clone(),
        });
        let mut client = Client::new(tokens, self.public_key()?).map_err(|own| own.why)?;
        let negotiated = self.negotiate(&mut client).await;
        let mechanism = match negotiated {
            Ok(mechanism) => mechanism,
            Err(Stopped::Over(why)) => return Err(why),
            Err(Stopped::Unmade(refusal) | Stopped::NotTaken(refusal)) => {
                self.note_refusal(package, &refusal);
                return Err(refusal.why);
            }
        };
        let signed = if self.sign_in.restricted_admin {
            let nothing = write_ts_credentials(&nobody(), CredSspMode::CredentialLess);
            let nothing = nothing.map_err(|error| error.to_string())?;
            let last = client.delegate(&nothing).map_err(|own| own.why)?;
            self.delegate(last, mechanism).await?;
            Signed::Through
        } else {
            self.note(Fact::CredentialsKept { mechanism });
            self.link.finish();
            Signed::Proved
        };
        if only.is_none() && mechanism == Mechanism::Ntlm && !self.context.target.is_address() {
            self.why_no_ticket().await;
        }
        Ok(signed)
    }

    /// Windows chose NTLM without a word: what Kerberos alone comes to is asked of it, and nothing of
    /// that goes to the server.
    async fn why_no_ticket(&mut self) {
        const PACKAGE: &str = "Kerberos";
        let mut tokens = LoggedOn::new(PACKAGE, &self.service);
        let limit = Instant::now() + self.context.deadlines.credssp;
        if let Ok(Err(refusal)) = timeout_at(limit, tokens.token(Vec::new())).await {
            self.note_refusal(PACKAGE, &refusal);
        }
    }

    fn note_refusal(&mut self, package: &str, refusal: &Refusal) {
        if let Some(code) = refusal.code {
            let library = LoggedOn::LIBRARY.to_owned();
            self.note(Fact::SystemSignInFailed { library, package: package.to_owned(), code });
        }
    }

    /// Steps 1 to 4 of CredSSP (MS-CSSP 3.1.5), by whichever mechanism the tokens show. The gate is asked
    /// before one leaves that is a proof of who the user is.
    async fn negotiate<T: Tokens>(&mut self, client: &mut Client<T>) -> Result<Mechanism, Stopped> {
        let mut received = TsRequest::default();
        for round in 0..MOST_ROUNDS {
            let made = timeout_at(self.deadline, client.step(received)).await;
            let made = made.unwrap_or_else(|_| Err(Refusal::new("no token was made in time")));
            let made = made.map_err(|refusal| match round {
                0 => Stopped::Unmade(refusal),
                _ => Stopped::NotTaken(refusal),
            })?;
            let bound = made.pub_key_auth.is_some();
            self.admit(made.nego_tokens.as_deref().unwrap_or_default()).await?;
            self.send(made).await?;
            received = self.receive().await?;
            if !bound {
                continue;
            }
            let mechanism = self.sent.ok_or("nobody proved who they are".to_owned())?;
            if received.pub_key_auth.is_none() {
                return Err(Stopped::Over(NO_PROOF.to_owned()));
            }
            let proof = client.verify(&received);
            self.proved(mechanism, proof)?;
            return Ok(mechanism);
        }
        Err(Stopped::Over("the negotiation has no end".to_owned()))
    }

    /// Whether a token may leave.
    async fn admit(&mut self, token: &[u8]) -> Result<(), String> {
        match shown(token) {
            Shown::Nothing => Ok(()),
            Shown::Proof(mechanism) if self.sent == Some(mechanism) => Ok(()),
            Shown::Proof(mechanism) => {
                self.gate((mechanism == Mechanism::Kerberos).then_some(mechanism)).await?;
                self.note(Fact::CredentialSent { mechanism });
                self.sent = Some(mechanism);
                Ok(())
            }
            Shown::Unknown => Err("a token was not sent that is of no known mechanism".to_owned()),
        }
    }

    /// What the check of the server's proof of its key came to (MS-CSSP 3.1.5, step 4).
    fn proved<P>(
        &mut self,
        mechanism: Mechanism,
        proof: Result<P, impl std::fmt::Display>,
    ) -> Result<P, String> {
        self.note(Fact::PublicKeyBinding { mechanism, matches: proof.is_ok() });
        proof.map_err(|why| format!("the server's proof of its key: {why}"))
    }

    /// The delegation (MS-CSSP 3.1.5, step 5), then what the server thinks of the user.
    async fn delegate(&mut self, last: TsRequest, mechanism: Mechanism) -> Result<(), String> {
        self.send(last).await?;
        self.note(Fact::CredentialsDelegated { mechanism });
        if self.protocol == PROTOCOL_HYBRID_EX {
            let result = self.link.message(frame::early_authorization, self.deadline).await;
            let result = result.map_err(|over| over.0)?;
            if result != [0; 4] {
                return Err("the server does not let this user in".to_owned());
            }
        }
        Ok(())
    }

    /// Whether anything may leave that could be tried for a password.
    async fn gate(&mut self, mechanism: Option<Mechanism>) -> Result<(), String> {
        released(self.context, self.sign_in, mechanism).await?;
        // A person may have taken a while to answer.
        self.deadline = self.deadline.max(Instant::now() + self.context.deadlines.credssp);
        Ok(())
    }

    fn ntlm_client(&self) -> Result<CredSspClient, String> {
        let mode = ClientMode::Ntlm(NtlmConfig::new(self.workstation()));
        let (key, identity) = (self.public_key()?, self.identity()?);
        CredSspClient::new(key, identity, self.delegation(), mode, self.service.clone())
            .map_err(|error| error.to_string())
    }

    fn public_key(&self) -> Result<Vec<u8>, String> {
        let certificate = self.link.certificate().ok_or("the server showed no certificate")?;
        subject_public_key(&certificate)
    }

    fn identity(&self) -> Result<Credentials, String> {
        Ok(self.sign_in.identity()?.into())
    }

    /// What is handed over at the end: the password, or nothing (Restricted Admin).
    fn delegation(&self) -> CredSspMode {
        if self.sign_in.restricted_admin {
            CredSspMode::CredentialLess
        } else {
            CredSspMode::WithCredentials
        }
    }

    /// The name that accounts may be bound to (workstation restrictions).
    fn workstation(&self) -> String {
        self.context.own_name().to_uppercase()
    }

    async fn send(&mut self, request: TsRequest) -> Result<(), String> {
        let mut bytes = Vec::new();
        request.encode_ts_request(&mut bytes).map_err(|error| error.to_string())?;
        self.link.send(&bytes, self.deadline).await.map_err(|over| over.0)
    }

    async fn receive(&mut self) -> Result<TsRequest, String> {
        let message = self.link.message(frame::ts_request, self.deadline).await;
        let message = message.map_err(|Over(why)| why)?;
        // Behind an error about the ticket Windows does not go on with NTLM either.
        let refused = self.link.facts().into_iter().any(|fact| {
            matches!(fact, Fact::TsRequest { from: Party::Server, error_code: Some(code), .. } if code != 0)
                || matches!(fact, Fact::TicketAnswer { code: Some(_), .. })
        });
        if refused {
            return Err("the server refused the sign-in".to_owned());
        }
        TsRequest::from_buffer(&message).map_err(|error| format!("the server's TSRequest: {error}"))
    }

    fn note(&mut self, fact: Fact) {
        self.link.metered().note(Stage::CredSsp, fact);
    }
}

/// Asks whether a credential may leave for this server, and writes the answer down; the error says
/// that it may not.
pub(crate) async fn released(
    context: &Context,
    sign_in: &SignIn,
    mechanism: Option<Mechanism>,
) -> Result<(), String> {
    let observations = context.journal.observations();
    let vulnerable = observations.iter().any(|o| {
        matches!(o.fact, Fact::TsRequest { from: Party::Server, version, .. }
            if version < OLDEST_SAFE_VERSION)
    });
    let gate = sign_in.gate.clone();
    let judged = tokio::task::spawn_blocking(move || gate(&observations)).await;
    let judged = judged.map_err(|error| error.to_string())?;
    let Release { released, reason } = match judged {
        _ if vulnerable => Release { released: false, reason: ReleaseReason::EncryptionOracle },
        // Nothing but a proof that the server can use its ticket leaves before it has proved
        // itself; where something opens the encryption, the proof of the key fails.
        Release { reason: ReleaseReason::NotJudged, .. }
            if mechanism == Some(Mechanism::Kerberos) =>
        {
            Release { released: true, reason: ReleaseReason::KerberosAuthenticates }
        }
        judged => judged,
    };
    context.note(Stage::CredSsp, Fact::CredentialRelease { released, reason });
    if released { Ok(()) } else { Err("no credential was sent to this server".to_owned()) }
}

/// Why a negotiation ended.
enum Stopped {
    /// No token was made: nothing had been sent to the server.
    Unmade(Refusal),
    /// No token follows the server's.
    NotTaken(Refusal),
    /// Anything else.
    Over(String),
}

impl From<String> for Stopped {
    fn from(why: String) -> Self {
        Self::Over(why)
    }
}

fn own(refusal: Refusal) -> Stopped {
    Stopped::Over(refusal.why)
}

/// Whose credentials are handed over where none are.
fn nobody() -> CredentialsBuffers {
    CredentialsBuffers::AuthIdentity(AuthIdentityBuffers::default())
}

/// One step of the NTLM client.
fn step(client: &mut CredSspClient, request: TsRequest) -> Result<TsRequest, String> {
    complete(client.process(request)).map_err(|error| error.to_string())
}

/// NTLM asks nobody: its steps never wait.
fn complete(mut work: Work<'_>) -> sspi::Result<TsRequest> {
    match work.start() {
        GeneratorState::Completed(state) => state.map(|state| match state {
            ClientState::ReplyNeeded(request) | ClientState::FinalMessage(request) => request,
        }),
        GeneratorState::Suspended(_) => {
            Err(sspi::Error::new(sspi::ErrorKind::InternalError, "NTLM asks nobody"))
        }
    }
}

type Work<'a> = Generator<'a, NetworkRequest, sspi::Result<Vec<u8>>, sspi::Result<ClientState>>;

#[cfg(test)]
mod tests;
