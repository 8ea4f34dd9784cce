//! A connection to WinRM's port: in TLS, or, where each message is to be sealed, without.

use openssl::x509::X509;
use rdpdoctor_model::{Ending, Fact, Purpose};
use tokio::task::JoinSet;

use super::http::Connection;
use super::{Problem, WINRM_HTTP};
use crate::context::Context;
use crate::stages::{dns, tcp, tls};
use crate::stream::MeteredStream;

/// The port of the web, on which WinRM may be set to listen as well.
const WEB: u16 = 80;

/// A connection on which messages pass.
pub(super) struct Link {
    pub(super) http: Connection,
    pub(super) certificate: Option<X509>,
    pub(super) tls: bool,
}

impl Link {
    /// Connects. On a port of which nothing is known TLS is tried first; what does not speak it is asked
    /// without.
    pub(super) async fn open(context: &Context, usual: bool) -> Result<Self, Problem> {
        let port = context.target.port;
        if matches!(port, WINRM_HTTP | WEB) {
            return Self::in_clear(context).await;
        }
        let stream = connect(context).await?.of_gateway();
        match tls::run(context, stream, 0).await {
            Ok(established) => {
                let certificate = established.stream.ssl().peer_certificate();
                let http = Connection::open(established.stream).await?;
                Ok(Self { http, certificate, tls: true })
            }
            Err(_) if !usual && speaks_no_tls(context) => Self::in_clear(context).await,
            Err(why) => Err(Problem::Tls { port, why }),
        }
    }

    async fn in_clear(context: &Context) -> Result<Self, Problem> {
        let mut stream = connect(context).await?;
        // What passes is told by the answers; nothing of it is TLS.
        stream.carries();
        let http = Connection::open(stream).await?;
        Ok(Self { http, certificate: None, tls: false })
    }
}

async fn connect(context: &Context) -> Result<MeteredStream, Problem> {
    let addresses = dns::run(context).await.map_err(Problem::Name)?;
    let mut losers = JoinSet::new();
    let connected = tcp::run(context, &addresses, Purpose::Gateway, &mut losers).await;
    connected.map_err(|_| {
        let failure = context.journal.observations().into_iter().rev().find_map(|o| match o.fact {
            Fact::TcpFailed { failure, .. } => Some(failure),
            _ => None,
        });
        let failure = failure.unwrap_or(rdpdoctor_model::ConnectFailure::Other);
        Problem::Unreached(vec![(context.target.port, failure)])
    })
}

/// Whether the last handshake met something that did not answer it in TLS.
fn speaks_no_tls(context: &Context) -> bool {
    let seen = context.journal.observations();
    seen.iter().any(|o| {
        matches!(
            o.fact,
            Fact::TlsMalformed { .. }
                | Fact::StreamEnded { ending: Ending::Fin | Ending::Reset, .. }
        )
    }) && !seen.iter().any(|o| matches!(o.fact, Fact::ServerHello { .. }))
}
