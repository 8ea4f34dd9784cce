//! The TLS handshake and the certificate. One handshake offers what a Windows client can still
//! speak; a ClientHello that is dropped is followed by one plain second one.

use std::net::SocketAddr;
use std::sync::PoisonError;

use openssl::rand::rand_bytes;
use openssl::ssl::SslRef;
use openssl::x509::X509;
use rdpdoctor_model::{Awaited, Ending, Fact, Lookup, Party, Purpose, Stage};
use rdpdoctor_wire::{encode, read_certificate};
use tokio::time::Instant;
use tokio_openssl::SslStream;

use super::dns::millis;
use super::x224;
use crate::context::Context;
use crate::exchange::{alert_of, exchange, metered};
#[cfg(windows)]
use crate::options::Engine;
use crate::options::SideQuestions;
use crate::side;
use crate::stream::MeteredStream;
use crate::tls::{Offer, handshake, key_exchange, wire_version};
use crate::tls_stream::TlsStream;

/// internal_error and handshake_failure (RFC 5246 7.2): a reason in one word that has several
/// causes.
const INTERNAL_ERROR: u8 = 80;
const HANDSHAKE_FAILURE: u8 = 40;

/// An answer to the first ClientHello that a second, plain one sheds light on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Dropped,
    Alert(u8),
}

pub(super) fn refusal(fact: &Fact) -> Option<Refusal> {
    match *fact {
        Fact::TlsAlert {
            from: Party::Server,
            description: description @ (INTERNAL_ERROR | HANDSHAKE_FAILURE),
            awaited: Awaited::ServerHello,
            ..
        } => Some(Refusal::Alert(description)),
        Fact::StreamEnded {
            ending: Ending::Fin | Ending::Reset,
            awaited: Awaited::ServerHello,
            ..
        } => Some(Refusal::Dropped),
        _ => None,
    }
}

/// The encrypted connection to a host.
pub(crate) struct Encrypted {
    pub(crate) stream: TlsStream,
    /// The certificate, where a trusted CA issued it.
    pub(crate) issued: Option<Issued>,
}

/// The encrypted connection to a host, by the engine that was asked for; the error says why there is
/// none.
pub(crate) async fn encrypt(
    context: &Context,
    stream: MeteredStream,
    protocol: u32,
) -> Result<Encrypted, String> {
    #[cfg(windows)]
    if context.engine == Engine::Native {
        return super::tls_native::run(context, stream, protocol).await;
    }
    let Established { stream, issued } = run(context, stream, protocol).await?;
    Ok(Encrypted { stream: TlsStream::Portable(Box::new(stream)), issued })
}

/// What the handshake came to.
pub(crate) struct Established {
    pub(crate) stream: SslStream<MeteredStream>,
    /// The certificate, where a trusted CA issued it: only then revocation can be asked.
    pub(crate) issued: Option<Issued>,
}

/// A certificate of a CA, and what came with it.
pub(crate) struct Issued {
    pub(crate) certificate: X509,
    pub(crate) issuer: X509,
    /// The OCSP answer stapled to the handshake (RFC 6066 8).
    pub(crate) stapled: Option<Vec<u8>>,
}

/// The encrypted stream; the error says why there is none.
pub(crate) async fn run(
    context: &Context,
    mut stream: MeteredStream,
    protocol: u32,
) -> Result<Established, String> {
    let remote = stream.remote();
    let number = stream.number();
    stream.collect();
    let own = |error: openssl::error::ErrorStack| format!("our TLS library: {error}");
    let (session, errors) =
        context.tls.session(context.server_name(), Offer::Everything).map_err(own)?;
    let begun = Instant::now();
    let (mut stream, result) =
        handshake(session, stream, context.deadlines.tls).await.map_err(own)?;
    let elapsed_ms = millis(begun.elapsed());
    let facts = metered(&mut stream).collect();
    let Some(result) = result else {
        metered(&mut stream).finish(Ending::Timeout);
        return Err("the handshake did not end in time".to_owned());
    };
    if let Err(error) = result {
        failed(&mut stream, &error, &facts);
        let ending = metered(&mut stream).finish(Ending::ClosedByClient);
        drop(stream);
        let refusal = facts.iter().chain(&ending).find_map(refusal);
        ask_again(context, remote, protocol, refusal).await;
        return Err(format!("the handshake failed: {error}"));
    }

    let seen = facts.iter().any(|fact| matches!(fact, Fact::ServerCertificates { .. }));
    let session = stream.ssl();
    if !seen {
        note_certificates(context, number, session);
    }
    let version = wire_version(session);
    let cipher = session.current_cipher().map_or_else(String::new, |c| c.name().to_owned());
    // TLS 1.3 always makes a key exchange of its own, the older ones may not.
    let key_exchange = key_exchange(session).filter(|kx| version < 0x0304 || kx != "RSA");
    let note = |fact| context.note_on(Stage::Tls, number, fact);
    note(Fact::TlsEstablished { version, cipher, key_exchange, elapsed_ms });
    let errors = errors.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let issued = if errors.is_empty() { issued(session) } else { None };
    note(Fact::CertificateChain {
        errors,
        store: context.tls.store.clone(),
        roots: context.tls.roots,
    });
    metered(&mut stream).dissector().established();
    Ok(Established { stream, issued })
}

/// What a refusal that has several causes is told apart by.
pub(super) async fn ask_again(
    context: &Context,
    remote: SocketAddr,
    protocol: u32,
    refusal: Option<Refusal>,
) {
    let ask = refusal.is_some() && context.side != SideQuestions::None;
    let answered = ask && plain_client_hello(context, remote, protocol).await;
    if ask && context.asks_beside() && !answered && refusal == Some(Refusal::Alert(INTERNAL_ERROR))
    {
        // A server without a usable key fails at every version, one that can do only what its own
        // library forbids says so to a client that offers nothing else.
        side::tls_offer(context, remote, Offer::Modern).await;
    }
}

/// The certificate of a trusted CA with its issuer, from the chain that was verified.
fn issued(session: &SslRef) -> Option<Issued> {
    let mut chain = session.verified_chain()?.iter();
    let certificate = chain.next()?.to_owned();
    let issuer = chain.next()?.to_owned();
    Some(Issued { certificate, issuer, stapled: session.ocsp_status().map(<[u8]>::to_vec) })
}

/// What the library knows that did not pass in clear: encrypted alerts, and its own refusal.
pub(super) fn failed(
    stream: &mut SslStream<MeteredStream>,
    error: &openssl::ssl::Error,
    facts: &[Fact],
) {
    let metered = metered(stream);
    let now = metered.now_ms();
    let alerted =
        facts.iter().any(|fact| matches!(fact, Fact::TlsAlert { from: Party::Server, .. }));
    if alerted {
        return;
    }
    if let Some(description) = alert_of(error) {
        metered.dissector().alert(Party::Server, 2, description, now);
    } else if let Some(stack) = error.ssl_error() {
        // EOF in the middle of the handshake is told by how the stream ended.
        let reason = stack.errors().iter().find_map(openssl::error::Error::reason);
        if let Some(reason) = reason.filter(|_| metered.ended().is_none()) {
            metered.note(Stage::Tls, Fact::TlsRefused { reason: reason.to_owned() });
        }
    }
}

/// In TLS 1.3 the certificates pass encrypted: they are taken from the library.
pub(super) fn note_certificates(context: &Context, number: u32, session: &SslRef) {
    let chain = session.peer_cert_chain().into_iter().flatten();
    let certificates: Vec<_> = chain
        .filter_map(|certificate| certificate.to_der().ok())
        .filter_map(|der| read_certificate(&der).ok())
        .collect();
    if !certificates.is_empty() {
        let fact = Fact::ServerCertificates { certificates };
        context.note_on(Stage::Tls, number, fact);
    }
}

/// The second, plain hello: TLS 1.2, RSA key exchange, few extensions. Only its first answer
/// counts; whether that was a ServerHello.
async fn plain_client_hello(context: &Context, remote: SocketAddr, protocol: u32) -> bool {
    let Some(mut stream) = context.again(remote, Purpose::PlainClientHello).await else {
        return false;
    };
    let offered = if context.offer & protocol == protocol { context.offer } else { protocol };
    let deadline = Instant::now() + context.deadlines.x224;
    let facts = x224::ask(&mut stream, offered, deadline).await;
    if !facts.iter().any(|fact| matches!(fact, Fact::ConnectionConfirm { .. })) {
        return false;
    }
    let mut random = [0; 32];
    if rand_bytes(&mut random).is_err() {
        return false;
    }
    let hello = encode::plain_client_hello(random, context.server_name());
    let deadline = Instant::now() + context.deadlines.tls;
    let facts = exchange(&mut stream, &hello, deadline, |fact| {
        matches!(fact, Fact::ServerHello { .. } | Fact::TlsAlert { .. } | Fact::TlsMalformed { .. })
    })
    .await;
    stream.finish(Ending::ClosedByClient);
    facts.iter().any(|fact| matches!(fact, Fact::ServerHello { .. }))
}

/// Whether the server takes a handshake of this offer, and with which suite.
pub(crate) async fn taken(
    context: &Context,
    stream: MeteredStream,
    offer: Offer,
) -> Lookup<String> {
    let session = match context.tls.session(context.server_name(), offer) {
        Ok((session, _)) => session,
        Err(error) => return Lookup::unavailable(format!("our TLS library: {error}")),
    };
    let ended = handshake(session, stream, context.deadlines.tls).await;
    let (mut stream, result) = match ended {
        Ok(ended) => ended,
        Err(error) => return Lookup::unavailable(format!("our TLS library: {error}")),
    };
    let Some(result) = result else {
        metered(&mut stream).finish(Ending::Timeout);
        return Lookup::unavailable("no answer in time");
    };
    metered(&mut stream).finish(Ending::ClosedByClient);
    match result {
        Ok(()) => {
            let cipher = stream.ssl().current_cipher();
            Lookup::seen(cipher.map_or_else(String::new, |cipher| cipher.name().to_owned()))
        }
        Err(_) => Lookup::Absent,
    }
}
