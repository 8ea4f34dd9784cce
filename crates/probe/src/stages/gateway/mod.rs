//! The RD Gateway (MS-TSGU 3.3.5): its name, its connection, its certificate, its sign-in, then a
//! tunnel, and in it a channel to the host, over which all other stages go.

mod admission;
mod carrier;
mod http;
mod packets;
pub(crate) mod token;
mod transport;
mod tunnel;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use openssl::sha::sha256;
use rdpdoctor_model::{Fact, GatewayTransport, Purpose, Stage, StageOutcome, Target};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::dns::millis;
use super::{dns, tcp, tls};
use crate::context::Context;
use crate::options::SideQuestions;
use crate::side;
use crate::stream::MeteredStream;
use crate::{Gateway, Journal};
use admission::Refused;
use http::Connection;
pub(crate) use transport::guid;

/// How long a gateway may take to say goodbye when the check is over.
const FAREWELL: Duration = Duration::from_millis(500);

/// How long the answer about the revocation of the gateway's certificate is waited for.
const REVOCATION: Duration = Duration::from_secs(3);

/// SHA-256 of a certificate.
type Fingerprint = [u8; 32];

/// The way through a gateway, for all connections of one check.
pub(crate) struct Passage {
    gateway: Gateway,
    /// The address that answered.
    address: Mutex<Option<SocketAddr>>,
    /// The certificate for whose holder the gate let the credentials go.
    released: Mutex<Option<Fingerprint>>,
    /// WebSocket was tried and came to nothing.
    without_websocket: AtomicBool,
    /// How many messages of the administrator were written down.
    messages: AtomicUsize,
    /// What carries the tunnels.
    carriers: Mutex<JoinSet<()>>,
}

/// What the gateway came to.
pub(crate) enum Entry {
    /// The connection to the host.
    Through(Box<MeteredStream>),
    /// It asks for a sign-in, and nobody was named.
    Unsigned,
}

impl Passage {
    pub(crate) fn new(gateway: Gateway) -> Self {
        Self {
            gateway,
            address: Mutex::default(),
            released: Mutex::default(),
            without_websocket: AtomicBool::new(false),
            messages: AtomicUsize::new(0),
            carriers: Mutex::default(),
        }
    }

    /// Writes down what the administrator says to everybody; the first ones say what there is to say.
    fn tell(&self, journal: &Journal, consent: bool, text: String) {
        /// Most messages of one check.
        const MOST: usize = 8;
        if self.messages.fetch_add(1, Ordering::Relaxed) < MOST {
            journal.note(Stage::Gateway, None, Fact::GatewayMessage { consent, text });
        }
    }

    /// Writes down which gateway it is.
    pub(crate) fn announce(&self, context: &Context) -> Target {
        let place = &self.gateway.place;
        context.note(Stage::Gateway, Fact::Gateway { host: place.host.clone(), port: place.port });
        place.clone()
    }

    /// Lets the tunnels end in order, for a moment.
    pub(crate) async fn close(&self) {
        let mut carriers =
            std::mem::take(&mut *self.carriers.lock().unwrap_or_else(PoisonError::into_inner));
        let _ = timeout(FAREWELL, async { while carriers.join_next().await.is_some() {} }).await;
        carriers.shutdown().await;
    }

    fn carry(&self, carrier: impl Future<Output = ()> + Send + 'static) {
        self.carriers.lock().unwrap_or_else(PoisonError::into_inner).spawn(carrier);
    }

    fn transports(&self) -> &'static [GatewayTransport] {
        if self.without_websocket.load(Ordering::Relaxed) {
            &[GatewayTransport::Http]
        } else {
            &[GatewayTransport::WebSocket, GatewayTransport::Http]
        }
    }

    /// The address that answered.
    fn address(&self) -> Option<SocketAddr> {
        *self.address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Goes to the gateway and through it to the target.
pub(crate) async fn enter(context: &Context, route: &Arc<Passage>) -> Result<Entry, String> {
    route.announce(context);
    let about = context.about(&route.gateway);
    // Both stages are the gateway's: the name of the host is the gateway's to find, and so is the
    // way to it.
    let addresses = passed(context, Stage::Dns, dns::run(&about)).await?;
    let mut losers = JoinSet::new();
    let connecting = tcp::run(&about, &addresses, Purpose::Gateway, &mut losers);
    let stream = passed(context, Stage::Tcp, connecting).await?;
    enter_by(context, about, route, stream).await
}

/// The same by a tunnel that a proxy made to the gateway.
pub(crate) async fn enter_through(
    context: &Context,
    route: &Arc<Passage>,
    tunnel: MeteredStream,
) -> Result<Entry, String> {
    let stream = passed(context, Stage::Tcp, async { Ok(tunnel) }).await?;
    enter_by(context, context.about(&route.gateway), route, stream).await
}

async fn enter_by(
    context: &Context,
    about: Context,
    route: &Arc<Passage>,
    stream: MeteredStream,
) -> Result<Entry, String> {
    *route.address.lock().unwrap_or_else(PoisonError::into_inner) = Some(stream.remote());
    let names = std::slice::from_ref(&context.target.host);
    let visit = Visit::new(context, about, route, names, Purpose::Main);
    let first = visit.secured(stream, context.side != SideQuestions::None).await?;
    match visit.tunnel(first).await {
        Ok(stream) => Ok(Entry::Through(Box::new(stream))),
        Err(Refused::Unsigned) => Ok(Entry::Unsigned),
        Err(Refused::Over(why)) => Err(why),
    }
}

/// One more connection through the gateway, to the first of these names that it takes.
pub(crate) async fn again(
    context: &Context,
    route: &Arc<Passage>,
    names: &[String],
    purpose: Purpose,
) -> Option<MeteredStream> {
    let about = context.about(&route.gateway);
    let visit = Visit::new(context, about, route, names, purpose);
    let first = visit.connect().await.ok()?;
    visit.tunnel(first).await.ok()
}

/// Writes down that a stage passed; whatever else became of it is the gateway's.
async fn passed<T>(
    context: &Context,
    stage: Stage,
    work: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    let begun = Instant::now();
    let result = work.await?;
    let (outcome, elapsed_ms) = (StageOutcome::Passed, millis(begun.elapsed()));
    context.note(stage, Fact::StageEnded { outcome, reason: None, elapsed_ms });
    Ok(result)
}

/// One tunnel in the making.
struct Visit<'a> {
    /// The check's.
    context: &'a Context,
    /// The same, with the gateway for its target.
    about: Context,
    route: &'a Arc<Passage>,
    /// The host, by the names that it may have.
    names: &'a [String],
    purpose: Purpose,
    deadline: Mutex<Instant>,
    /// What the last connection's other side showed.
    shown: Mutex<Option<Fingerprint>>,
}

impl<'a> Visit<'a> {
    fn new(
        context: &'a Context,
        about: Context,
        route: &'a Arc<Passage>,
        names: &'a [String],
        purpose: Purpose,
    ) -> Self {
        let deadline = Mutex::new(Instant::now() + context.deadlines.gateway);
        let shown = Mutex::default();
        Self { context, about, route, names, purpose, deadline, shown }
    }

    fn deadline(&self) -> Instant {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A person has taken a while to answer.
    fn begin_anew(&self) {
        let deadline = Instant::now() + self.context.deadlines.gateway;
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = deadline;
    }

    fn note(&self, fact: Fact) {
        self.about.note(Stage::Gateway, fact);
    }

    /// TLS over a connection to the gateway, and HTTP in it.
    async fn secured(&self, stream: MeteredStream, ask: bool) -> Result<Connection, String> {
        let established = tls::run(&self.about, stream.of_gateway(), 0).await?;
        if let Some(issued) = established.issued
            && ask
        {
            // A credential shall not leave for a certificate that was revoked.
            let asking = side::revocation(self.about.clone(), issued);
            let _ = timeout(REVOCATION, asking).await;
        }
        let certificate = established.stream.ssl().peer_certificate();
        let fingerprint = certificate.and_then(|own| own.to_der().ok()).map(|der| sha256(&der));
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = fingerprint;
        self.begin_anew();
        Connection::open(established.stream).await
    }

    /// One more connection to the gateway.
    async fn connect(&self) -> Result<Connection, String> {
        let address = self.route.address().ok_or("the gateway's address is not known")?;
        // Straight, or by the proxy by which the first one went.
        let stream = Box::pin(self.about.again(address, Purpose::Gateway)).await;
        let stream = stream.ok_or("a second connection to the gateway was not made")?;
        let deadline = self.deadline();
        let connection = self.secured(stream, false).await;
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = deadline;
        connection
    }
}
