//! The way through a proxy: to it, into it (TLS), and what it answers to the request for a
//! connection. Its words about the target are kept apart from those about itself.

mod dialog;
mod http;
mod negotiate;
mod socks;
#[cfg(test)]
mod tests;

use std::io::Cursor;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};

use rdpdoctor_model::{Awaited, Ending, Fact, ProxyReply, ProxyScheme, Purpose, Stage, Transport};
use tokio::io::{AsyncReadExt as _, join, split};
use tokio_openssl::SslStream;

use self::dialog::{Carrier, Dialog};
use self::negotiate::{NoTicket, Ticket};
use super::dns::look_up;
use super::{tcp, tls};
use crate::context::Context;
use crate::exchange::metered;
use crate::proxy::{Destination, NEGOTIATE, Proxy, ProxySignIn, ProxySignInBy, Route};
use crate::stream::MeteredStream;
use crate::tls::{Offer, handshake};

/// At most so many addresses of a name are tried, each on a connection of its own.
const MOST_ADDRESSES: usize = 4;

/// What a working proxy came to: the tunnel, or its word that the target cannot be reached.
pub(crate) type Outcome = Result<MeteredStream, String>;

/// Why there is no tunnel.
enum Refusal {
    /// It lies with the proxy, or nobody can tell.
    Proxy(String),
    /// The proxy works, and says that the target does not.
    Target(String),
    /// It wants a sign-in, and takes one that is known here: its answer, and when it came.
    SignIn(ProxyReply, f64),
    /// SOCKS: it takes nothing that was offered.
    NoMethod,
}

/// Who signs in, and how; without the how it is asked what it takes.
struct Credentials<'a> {
    sign_in: &'a ProxySignIn,
    by: Option<ProxySignInBy>,
    /// What is shown by [`ProxySignInBy::Ticket`].
    ticket: Option<Ticket<'a>>,
}

/// The tunnel to the first destination that the proxy can reach; the error says why the proxy makes
/// none.
pub(crate) async fn run(
    context: &Context,
    route: &Route,
    destinations: &[Destination],
    purpose: Purpose,
) -> Result<Outcome, String> {
    let mut outcome = Err("there is nowhere to go".to_owned());
    for destination in destinations.iter().take(MOST_ADDRESSES) {
        match open(context, route, destination, purpose).await {
            Ok(stream) => {
                let _ = route.destination.set(destination.clone());
                return Ok(Ok(stream));
            }
            Err(Refusal::Target(why)) => outcome = Err(why),
            Err(Refusal::Proxy(why)) => return Err(why),
            Err(Refusal::SignIn(..)) => return Err("the proxy asks for a sign-in twice".to_owned()),
            Err(Refusal::NoMethod) => {
                ask_for_methods(context, route).await;
                return Err("the proxy did not make the connection".to_owned());
            }
        }
    }
    Ok(outcome)
}

/// One more tunnel to where the first one leads.
pub(crate) async fn again(
    context: &Context,
    route: &Route,
    purpose: Purpose,
) -> Option<MeteredStream> {
    open(context, route, route.destination.get()?, purpose).await.ok()
}

/// A tunnel to where a broker sent the client.
pub(crate) async fn elsewhere(
    context: &Context,
    route: &Route,
    destination: Destination,
) -> Option<MeteredStream> {
    let stream = open(context, route, &destination, Purpose::Redirected).await.ok();
    let _ = route.destination.set(destination);
    stream
}

/// A tunnel. An HTTP proxy is asked without credentials first: what it takes decides whether the password
/// itself leaves. One sign-in is tried.
async fn open(
    context: &Context,
    route: &Route,
    destination: &Destination,
    purpose: Purpose,
) -> Result<MeteredStream, Refusal> {
    let ticket = match (route.scheme.get(), &route.proxy.sign_in) {
        (Some(ProxySignInBy::Ticket), Some(sign_in)) => {
            let again = negotiate::ticket(context, &route.proxy, sign_in).await;
            Some(again.map_err(|_| Refusal::Proxy(NO_TICKET.to_owned()))?)
        }
        _ => None,
    };
    match open_once(context, route, destination, purpose, ticket).await {
        Err(Refusal::SignIn(reply, at_ms)) => {
            let (by, ticket) = chosen(context, route, reply, at_ms).await?;
            if route.scheme.set(by).is_err() {
                return Err(Refusal::Proxy("the proxy asks for a sign-in twice".to_owned()));
            }
            open_once(context, route, destination, purpose, ticket).await
        }
        opened => opened,
    }
}

const NO_TICKET: &str = "there is no ticket for the proxy";

/// Kerberos first where Windows would, then NTLM where Windows would.
async fn chosen<'a>(
    context: &'a Context,
    route: &'a Route,
    reply: ProxyReply,
    elapsed_ms: f64,
) -> Result<(ProxySignInBy, Option<Ticket<'a>>), Refusal> {
    let refused = |reply: ProxyReply| {
        context.journal.note(Stage::Proxy, None, Fact::ProxyAnswer { reply, elapsed_ms });
        Refusal::Proxy(NO_TICKET.to_owned())
    };
    let (ProxyReply::Http { schemes, .. }, Some(sign_in)) = (&reply, &route.proxy.sign_in) else {
        return Err(refused(reply));
    };
    if schemes.iter().any(|scheme| scheme.eq_ignore_ascii_case(NEGOTIATE)) {
        match negotiate::ticket(context, &route.proxy, sign_in).await {
            Ok(ticket) => return Ok((ProxySignInBy::Ticket, Some(ticket))),
            Err(NoTicket::Judged) => return Err(refused(reply)),
            Err(NoTicket::Unavailable) => {}
        }
    }
    match ProxySignInBy::best(schemes) {
        Some(by) => Ok((by, None)),
        None => Err(refused(reply)),
    }
}

async fn open_once<'a>(
    context: &Context,
    route: &'a Route,
    destination: &Destination,
    purpose: Purpose,
    ticket: Option<Ticket<'a>>,
) -> Result<MeteredStream, Refusal> {
    let proxy = &route.proxy;
    let by = route.scheme.get().copied();
    let credentials = proxy.sign_in.as_ref().map(|sign_in| Credentials { sign_in, by, ticket });
    let stream = arrive(context, route).await.map_err(Refusal::Proxy)?;
    if proxy.scheme == ProxyScheme::Https {
        let stream = secured(context, proxy, stream).await.map_err(Refusal::Proxy)?;
        ask(context, proxy, stream, destination, purpose, credentials).await
    } else {
        ask(context, proxy, stream, destination, purpose, credentials).await
    }
}

/// Which way of signing in a SOCKS proxy wants, on a connection of its own: it took none that was
/// offered, and does not say more.
async fn ask_for_methods(context: &Context, route: &Route) {
    let Ok(stream) = arrive(context, route).await else { return };
    let mut dialog = Dialog::new(stream, context.deadlines.tcp);
    let wanted = socks::wanted(&mut dialog, route.proxy.sign_in.is_some()).await;
    if let Ok(Some(method)) = wanted {
        dialog.note(ProxyReply::SocksMethod { method });
    }
    dialog.awaits(Awaited::Nothing);
    dialog.finish(Ending::ClosedByClient);
}

/// The TCP connection to the proxy.
async fn arrive(context: &Context, route: &Route) -> Result<MeteredStream, String> {
    let proxy = &route.proxy;
    let addresses = match (route.reached.get(), proxy.address()) {
        (Some(reached), _) => vec![reached.ip()],
        (None, Some(address)) => vec![address],
        (None, None) => {
            let found = look_up(&proxy.host, context.deadlines.dns).await;
            let (addresses, _) = found.map_err(|(failure, text)| {
                let why = format!("the proxy's name could not be resolved: {text}");
                let proxy_host = proxy.host.clone();
                context.note(Stage::Proxy, Fact::ProxyNameFailed { proxy_host, failure, text });
                why
            })?;
            addresses
        }
    };
    for address in addresses.into_iter().take(MOST_ADDRESSES) {
        let remote = SocketAddr::new(address, proxy.port);
        let (journal, limit) = (Arc::clone(&context.journal), context.deadlines.tcp);
        let stream = tcp::attempt(journal, remote, limit, Purpose::Proxy, Purpose::Proxy).await;
        if let Some(stream) = stream {
            let _ = route.reached.set(remote);
            return Ok(stream);
        }
    }
    Err("the proxy could not be connected".to_owned())
}

/// TLS to the proxy. What goes to it may be a password, and a client that asks for TLS means the
/// proxy that it named: its certificate has to hold.
async fn secured(
    context: &Context,
    proxy: &Proxy,
    mut stream: MeteredStream,
) -> Result<SslStream<MeteredStream>, String> {
    let own = |error: openssl::error::ErrorStack| format!("our TLS library: {error}");
    stream.dissector().expect_tls();
    let name = proxy.address().is_none().then_some(proxy.host.trim_end_matches('.'));
    let (mut session, errors) = context.tls.session(name, Offer::Everything).map_err(own)?;
    match (proxy.address(), name) {
        (Some(address), _) => session.param_mut().set_ip(address).map_err(own)?,
        (None, name) => session.param_mut().set_host(name.unwrap_or_default()).map_err(own)?,
    }
    let (mut stream, result) =
        handshake(session, stream, context.deadlines.tls).await.map_err(own)?;
    let facts = metered(&mut stream).collect();
    match result {
        None => {
            metered(&mut stream).finish(Ending::Timeout);
            return Err("TLS to the proxy did not end in time".to_owned());
        }
        Some(Err(error)) => {
            tls::failed(&mut stream, &error, &facts);
            metered(&mut stream).finish(Ending::ClosedByClient);
            return Err(format!("TLS to the proxy failed: {error}"));
        }
        Some(Ok(())) => {}
    }
    if !facts.iter().any(|fact| matches!(fact, Fact::ServerCertificates { .. })) {
        tls::note_certificates(context, metered(&mut stream).number(), stream.ssl());
    }
    let errors = errors.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let believed = errors.is_empty() || proxy.trust_any;
    let (store, roots) = (context.tls.store.clone(), context.tls.roots);
    let fact = Fact::CertificateChain { errors, store, roots };
    metered(&mut stream).note(Stage::Proxy, fact);
    if believed {
        return Ok(stream);
    }
    metered(&mut stream).dissector().outside(Awaited::Nothing);
    metered(&mut stream).finish(Ending::ClosedByClient);
    Err("the certificate of the proxy is not trusted".to_owned())
}

/// Asks the proxy for a connection.
async fn ask<C: Carrier>(
    context: &Context,
    proxy: &Proxy,
    stream: C,
    destination: &Destination,
    purpose: Purpose,
    credentials: Option<Credentials<'_>>,
) -> Result<MeteredStream, Refusal> {
    let mut dialog = Dialog::new(stream, context.deadlines.tcp);
    let is_http = matches!(proxy.scheme, ProxyScheme::Http | ProxyScheme::Https);
    let asks_first = credentials.as_ref().is_some_and(|known| known.by.is_none());
    let reply = match credentials {
        Some(Credentials { ticket: Some(ticket), .. }) => {
            negotiate::connect(&mut dialog, destination, ticket).await
        }
        known if is_http => {
            let workstation = context.own_name().to_uppercase();
            let sign_in = known.and_then(|known| Some((known.sign_in, known.by?)));
            http::connect(&mut dialog, destination, sign_in, &proxy.host, workstation).await
        }
        _ => socks::connect(&mut dialog, destination, proxy.sign_in.as_ref()).await,
    };
    let reply = match reply {
        Ok(reply) => reply,
        Err(lost) => {
            dialog.finish(lost.0);
            return Err(Refusal::Proxy("the proxy gave no answer that counts".to_owned()));
        }
    };
    // What it takes is a step on the way where somebody can sign in.
    if let ProxyReply::Http { status: 407, schemes, .. } = &reply
        && asks_first
        && ProxySignInBy::best(schemes).is_some()
    {
        let at_ms = dialog.elapsed_ms();
        dialog.awaits(Awaited::Nothing);
        dialog.finish(Ending::ClosedByClient);
        return Err(Refusal::SignIn(reply, at_ms));
    }
    dialog.note(reply.clone());
    if reply.granted() {
        return Ok(tunnel(context, dialog, destination, purpose));
    }
    dialog.awaits(Awaited::Nothing);
    dialog.finish(Ending::ClosedByClient);
    Err(match (reply.on_target(), reply) {
        (Some(_), _) => Refusal::Target("the proxy could not connect to the target".to_owned()),
        (None, ProxyReply::SocksMethod { method: socks::NONE_TAKEN }) => Refusal::NoMethod,
        (None, ProxyReply::Malformed { problem, .. }) => {
            Refusal::Proxy(format!("what answers is no such proxy: {problem}"))
        }
        (None, _) => Refusal::Proxy("the proxy did not make the connection".to_owned()),
    })
}

/// What the proxy sent behind its answer is the target's already.
fn tunnel<C: Carrier>(
    context: &Context,
    dialog: Dialog<C>,
    destination: &Destination,
    purpose: Purpose,
) -> MeteredStream {
    let elapsed_ms = dialog.elapsed_ms();
    let (mut carrier, early) = dialog.into_parts();
    let outer = carrier.metered();
    outer.carries();
    let (remote, carried_by) = (outer.remote(), outer.number());
    let journal = Arc::clone(&context.journal);
    let number = journal.next_connection();
    let transport = Transport::Tunnel;
    let stage = if purpose == Purpose::Gateway { Stage::Gateway } else { Stage::Tcp };
    let fact = Fact::Connection { number, purpose, transport, remote, local: None };
    journal.note(stage, Some(number), fact);
    let destination = destination.to_string();
    let fact = Fact::TunnelOpened { destination, carrier: carried_by, elapsed_ms };
    journal.note(stage, Some(number), fact);
    if early.is_empty() {
        return MeteredStream::inside(carrier, journal, number, remote);
    }
    let (reader, writer) = split(carrier);
    let below = join(Cursor::new(early).chain(reader), writer);
    MeteredStream::inside(below, journal, number, remote)
}
