//! The TLS handshake by the system's own library, which `mstsc` goes by, and what a library that goes by
//! no setting of this machine comes to where it fails.

use std::io;
use std::net::SocketAddr;

use openssl::x509::X509;
use rdpdoctor_model::{Ending, Fact, Lookup, Party, Purpose, Stage, SystemTls};
use rdpdoctor_wire::read_certificate;
use tokio::time::Instant;

use super::dns::millis;
use super::tls::{self, Encrypted, Issued};
use super::x224;
use crate::context::Context;
use crate::schannel;
use crate::stream::MeteredStream;
use crate::tls::Offer;
use crate::tls_stream::TlsStream;

/// The encrypted stream; the error says why there is none.
pub(super) async fn run(
    context: &Context,
    mut stream: MeteredStream,
    protocol: u32,
) -> Result<Encrypted, String> {
    let (remote, number) = (stream.remote(), stream.number());
    stream.collect();
    let begun = Instant::now();
    let made = schannel::handshake(context.server_name(), stream, context.deadlines.tls).await;
    let elapsed_ms = millis(begun.elapsed());
    match made {
        Ok(stream) => established(context, stream, elapsed_ms),
        Err(None) => Err("the handshake did not end in time".to_owned()),
        Err(Some(error)) => {
            refused(context, number, remote, protocol, &error).await;
            Err(format!("the handshake failed: {}", words(&error)))
        }
    }
}

/// Writes down what was agreed and whom it met. Version and suite stand in the ServerHello.
fn established(
    context: &Context,
    mut stream: schannel::Encrypted,
    elapsed_ms: f64,
) -> Result<Encrypted, String> {
    let number = stream.number();
    let note = |fact| context.note_on(Stage::Tls, number, fact);
    let facts = stream.metered().collect();
    let chain = stream.certificates();
    if !facts.iter().any(|fact| matches!(fact, Fact::ServerCertificates { .. })) {
        // TLS 1.3 encrypts them.
        let certificates = chain.iter().filter_map(|der| read_certificate(der).ok()).collect();
        note(Fact::ServerCertificates { certificates });
    }
    let hello = facts.iter().rev().find_map(|fact| match fact {
        Fact::ServerHello { version, cipher_suite } => Some((*version, *cipher_suite)),
        _ => None,
    });
    let (version, suite) = hello.ok_or("Schannel agreed to what nobody said")?;
    let cipher = context.tls.suite_name(suite);
    note(Fact::TlsEstablished { version, cipher, key_exchange: None, elapsed_ms });

    let own = |error: openssl::error::ErrorStack| format!("our TLS library: {error}");
    let chain: Vec<X509> = chain.iter().filter_map(|der| X509::from_der(der).ok()).collect();
    let (errors, mut found) = context.tls.judged(&chain).map_err(own)?;
    let issued = (errors.is_empty() && found.len() > 1).then(|| {
        let issuer = found.swap_remove(1);
        // An answer that is stapled to the handshake Schannel keeps to itself.
        Issued { certificate: found.swap_remove(0), issuer, stapled: None }
    });
    let (store, roots) = (context.tls.store.clone(), context.tls.roots);
    note(Fact::CertificateChain { errors, store, roots });
    stream.metered().dissector().established();
    Ok(Encrypted { stream: TlsStream::Native(Box::new(stream)), issued })
}

/// Writes down the refusal, whoever's it was, and asks the other library.
async fn refused(
    context: &Context,
    number: u32,
    remote: SocketAddr,
    protocol: u32,
    error: &io::Error,
) {
    let seen: Vec<Fact> = context
        .journal
        .observations()
        .into_iter()
        .filter(|o| o.connection == Some(number))
        .map(|o| o.fact)
        .collect();
    let other = other(context, remote, protocol).await;
    let took = other.as_seen().is_some();
    let spoke = seen.iter().any(|fact| {
        matches!(fact, Fact::TlsAlert { from: Party::Server, .. })
            || matches!(fact, Fact::StreamEnded { ending: Ending::Fin | Ending::Reset, .. })
    });
    if !spoke && !took {
        context.note_on(Stage::Tls, number, Fact::TlsRefused { reason: words(error) });
    }
    let code = error.raw_os_error().map(i32::cast_unsigned);
    let library = "Schannel".to_owned();
    context.note_on(Stage::Tls, number, Fact::SystemTls(SystemTls { library, code, other }));
    if !took {
        tls::ask_again(context, remote, protocol, seen.iter().find_map(tls::refusal)).await;
    }
}

/// What the portable library agrees to with the same server.
async fn other(context: &Context, remote: SocketAddr, protocol: u32) -> Lookup<String> {
    if !context.asks_beside() {
        return Lookup::unavailable("not asked: no connection beside was wanted");
    }
    let Some(mut stream) = context.again(remote, Purpose::TlsVersion).await else {
        return Lookup::unavailable("the connection for it was not made");
    };
    let offered = if context.offer & protocol == protocol { context.offer } else { protocol };
    let deadline = Instant::now() + context.deadlines.x224;
    if context.direct {
        stream.dissector().direct();
    } else if !x224::ask(&mut stream, offered, deadline).await.iter().any(x224::selects_tls) {
        return Lookup::unavailable("the server did not choose TLS the second time");
    }
    tls::taken(context, stream, Offer::Everything).await
}

/// What Schannel's error stands for (the documentation of InitializeSecurityContext); its own words are in
/// the language of the machine.
fn words(error: &io::Error) -> String {
    let Some(code) = error.raw_os_error().map(i32::cast_unsigned) else {
        return error.to_string();
    };
    let meaning = match code {
        0x8009_0302 => "unsupported protocol",
        0x8009_0304 => "the library failed",
        0x8009_0308 => "what came is no TLS",
        0x8009_030D | 0x8009_030E => "no credentials can be had with these settings",
        0x8009_030F => "what came was changed on its way",
        0x8009_0326 => "what came was not expected",
        0x8009_0331 => "nothing in common with the server",
        _ => "the handshake was refused",
    };
    format!("Schannel: {meaning} ({code:#010x})")
}
