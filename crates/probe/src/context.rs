//! What every part of one check needs.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use rdpdoctor_model::{Fact, Purpose, Stage, Target};

use crate::Journal;
use crate::gateway::Gateway;
use crate::options::{Deadlines, Engine, SideQuestions};
use crate::proxy::Route;
use crate::side::DnsClient;
use crate::sign_in::SignIn;
use crate::stages;
use crate::stream::MeteredStream;
use crate::tls::TlsClient;

/// What every part of one check needs.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) target: Arc<Target>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) tls: Arc<TlsClient>,
    pub(crate) dns: Arc<OnceLock<Result<DnsClient, String>>>,
    pub(crate) deadlines: Deadlines,
    /// requestedProtocols of the main connection.
    pub(crate) offer: u32,
    /// Whose TLS the connection to the host has.
    #[cfg_attr(not(windows), expect(dead_code, reason = "only Windows has a TLS of its own"))]
    pub(crate) engine: Engine,
    pub(crate) side: SideQuestions,
    pub(crate) sign_in: Option<SignIn>,
    pub(crate) samples: Option<u16>,
    pub(crate) trace: bool,
    /// What a broker gave to show to the host that it named.
    pub(crate) routing_token: Option<Vec<u8>>,
    /// What the user's file gave to show to a load balancer.
    pub(crate) routing: Option<Vec<u8>>,
    /// It begins with TLS and CredSSP (MS-RDPBCGR 5.4.2.2).
    pub(crate) direct: bool,
    /// The way through a proxy; none: straight.
    pub(crate) route: Option<Arc<Route>>,
    /// Names of this machine.
    pub(crate) names: Arc<[String]>,
    /// The way through an RD Gateway, where the check takes one.
    pub(crate) gateway: Option<Arc<stages::gateway::Passage>>,
    /// All that is seen is about an RD Gateway.
    pub(crate) about_gateway: bool,
}

impl Context {
    /// The same check, about the gateway in place of the host: no question beside.
    pub(crate) fn about(&self, gateway: &Gateway) -> Self {
        let sign_in = self.sign_in.clone();
        Self {
            target: Arc::new(gateway.place.clone()),
            sign_in: sign_in.map(|sign_in| SignIn { gate: Arc::clone(&gateway.gate), ..sign_in }),
            ..self.about_a_gateway()
        }
    }

    /// The same target, seen as a gateway is: what is written down says nothing of a host's listener.
    pub(crate) fn about_a_gateway(&self) -> Self {
        Self { side: SideQuestions::None, gateway: None, about_gateway: true, ..self.clone() }
    }

    /// Whether more connections may be made beside the main path: behind a gateway each would be a
    /// sign-in of its own.
    pub(crate) fn asks_beside(&self) -> bool {
        self.side != SideQuestions::None && self.gateway.is_none()
    }

    /// Whether UDP is asked: a proxy carries no datagrams.
    pub(crate) fn asks_udp(&self) -> bool {
        self.asks_beside() && self.route.is_none()
    }

    /// Whether a session's server is told that it may ask for UDP (MS-RDPBCGR 2.2.1.3.7). Standard RDP
    /// Security would hide what it asks, and no cookie for UDP goes without TLS (MS-RDPEMT 5.1).
    pub(crate) fn lets_session_ask_udp(&self, protocol: u32, takes_extended_data: bool) -> bool {
        let wants_session = self.sign_in.as_ref().is_some_and(|own| own.logon.is_some());
        self.asks_udp() && wants_session && protocol != 0 && takes_extended_data
    }

    /// One more connection to the host, on the way that the first one took.
    pub(crate) async fn again(
        &self,
        remote: SocketAddr,
        purpose: Purpose,
    ) -> Option<MeteredStream> {
        if let Some(route) = &self.gateway {
            let names = std::slice::from_ref(&self.target.host);
            // TLS to the gateway is made as that to a host, which may want one more connection.
            return Box::pin(stages::gateway::again(self, route, names, purpose)).await;
        }
        if let Some(route) = &self.route {
            return stages::proxy::again(self, route, purpose).await;
        }
        let (journal, limit) = (Arc::clone(&self.journal), self.deadlines.tcp);
        stages::tcp::attempt(journal, remote, limit, purpose, purpose).await
    }

    /// Whether the password shall not be handed over.
    pub(crate) fn wants_restricted_admin(&self) -> bool {
        self.sign_in.as_ref().is_some_and(|sign_in| sign_in.restricted_admin)
    }

    /// The name of this machine; `client` where it has none.
    pub(crate) fn own_name(&self) -> &str {
        let short = self.names.iter().min_by_key(|name| name.len());
        short.map_or("client", String::as_str)
    }

    /// Writes down a fact that belongs to no connection.
    pub(crate) fn note(&self, stage: Stage, fact: Fact) {
        self.journal.note(self.stage(stage), None, fact);
    }

    /// Writes down a fact about a connection.
    pub(crate) fn note_on(&self, stage: Stage, connection: u32, fact: Fact) {
        self.journal.note(self.stage(stage), Some(connection), fact);
    }

    fn stage(&self, stage: Stage) -> Stage {
        if self.about_gateway { Stage::Gateway } else { stage }
    }

    /// The name that TLS carries: RFC 6066 3 knows no addresses.
    pub(crate) fn server_name(&self) -> Option<&str> {
        let host = self.target.host.trim_end_matches('.');
        (!self.target.is_address() && host.is_ascii()).then_some(host)
    }
}
