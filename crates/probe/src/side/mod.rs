//! Questions beside the main path: few by default, and after a failure only those that its causes
//! need to be told apart.

mod dns;
mod life;
mod network;
mod own;
mod revocation;
mod security;
mod service;
mod trace;

use std::net::SocketAddr;

use rdpdoctor_model::{Awaited, ConnectFailure, Ending, Fact, Observation, Stage};
use tokio::task::JoinSet;

pub(crate) use dns::{DnsClient, client as dns_client, name as dns_name, own_names, reverse_name};
pub(crate) use network::measure as measure_path;
pub(crate) use own::{routes as own_routes, surroundings as own_surroundings};
pub(crate) use revocation::ask as revocation;
pub(crate) use security::tls_offer;
pub(crate) use trace::path as trace;

use crate::context::Context;
use crate::options::SideQuestions;

/// Starts what is asked while TLS and CredSSP go on: which other security layers the server takes.
pub(crate) fn beside_tls(
    context: &Context,
    remote: SocketAddr,
    selected: u32,
    beside: &mut JoinSet<()>,
) {
    if context.side.connect() {
        beside.spawn(security::layers(context.clone(), remote, selected));
    }
    if context.side == SideQuestions::All {
        beside.spawn(security::tls_offers(context.clone(), remote));
    }
}

/// Asks what the causes of a failure at `stage` need to be told apart.
pub(crate) async fn after_failure(context: &Context, stage: Stage) {
    let observations = context.journal.observations();
    match stage {
        // Through a proxy the target is asked nothing on another way.
        Stage::Tcp if context.asks_beside() && context.route.is_none() => {
            let silent = observations.iter().find_map(|o| match o.fact {
                Fact::TcpFailed {
                    remote,
                    failure: ConnectFailure::Timeout | ConnectFailure::HostUnreachable,
                    ..
                } => Some(remote),
                _ => None,
            });
            let life = async {
                if let Some(remote) = silent {
                    life::signs(context, remote).await;
                }
            };
            let firewall = async {
                if let Some(remote) = not_connected(&observations) {
                    own::firewall(context, remote).await;
                }
            };
            tokio::join!(life, firewall);
        }
        Stage::X224 => {
            // A word that was said names the service by itself; only silence needs a question.
            let unsaid = observations.iter().rev().find_map(|o| match o.fact {
                Fact::StreamEnded { received: 0, .. } => Some(o.connection),
                _ => None,
            });
            let remote = observations.iter().rev().find_map(|o| match o.fact {
                Fact::Connection { number, remote, .. } if unsaid == Some(Some(number)) => {
                    Some(remote)
                }
                _ => None,
            });
            if let Some(remote) = remote {
                service::probe(context, remote).await;
            }
        }
        // Behind the handshake long packets have passed already.
        Stage::Tls => {
            let silent = observations.iter().rev().find_map(|o| match o.fact {
                Fact::StreamEnded { ending: Ending::Timeout, awaited, .. }
                    if awaited != Awaited::Nothing =>
                {
                    Some(o.connection)
                }
                _ => None,
            });
            let remote = observations.iter().rev().find_map(|o| match o.fact {
                Fact::TcpConnected { remote, .. } if silent == Some(o.connection) => Some(remote),
                _ => None,
            });
            if let Some(remote) = remote {
                network::small_segments(context, remote).await;
            }
        }
        _ => {}
    }
}

/// The address that was tried on the main path and did not connect, where it is another machine's.
fn not_connected(observations: &[Observation]) -> Option<SocketAddr> {
    observations.iter().find_map(|o| match o.fact {
        Fact::TcpFailed { remote, .. } if !remote.ip().is_loopback() => Some(remote),
        _ => None,
    })
}
