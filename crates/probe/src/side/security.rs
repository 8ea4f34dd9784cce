//! Which security layers a server takes, and which TLS versions: one connection a question, closed
//! after the answer.

use std::net::SocketAddr;

use openssl::ssl::SslVersion;
use rdpdoctor_model::{
    Ending, Fact, Lookup, Negotiation, Purpose, SecurityLayer, SecurityLayerAnswer, Stage,
};
use tokio::time::Instant;

use crate::check::{Context, SideQuestions};
use crate::stages::{tcp, tls, x224};
use crate::tls::Offer;

/// Layer and requestedProtocols of an offer of it alone (MS-RDPBCGR 2.2.1.1.1). NLA with early
/// authorisation must be offered with NLA.
const LAYERS: [(SecurityLayer, u32); 6] = [
    (SecurityLayer::Rdp, 0),
    (SecurityLayer::Tls, 1),
    (SecurityLayer::Nla, 2),
    (SecurityLayer::NlaEx, 0x0A),
    (SecurityLayer::Rdstls, 4),
    (SecurityLayer::Entra, 0x10),
];

/// Asks for the weaker layers, which say what the server insists on; with `--deep` for all.
pub(crate) async fn layers(context: Context, remote: SocketAddr, selected: u32) {
    // Two extra connections are the most: one to the other address family counts.
    let other_family = context
        .journal
        .observations()
        .iter()
        .any(|o| matches!(o.fact, Fact::Connection { purpose: Purpose::OtherAddress, .. }));
    for (layer, offer) in LAYERS {
        let few = match layer {
            SecurityLayer::Rdp => !other_family,
            SecurityLayer::Tls => offer < selected,
            _ => false,
        };
        if few || context.side == SideQuestions::All {
            ask(&context, remote, layer, offer).await;
        }
    }
}

async fn ask(context: &Context, remote: SocketAddr, layer: SecurityLayer, offer: u32) {
    let Some(mut stream) = tcp::again(context, remote, Purpose::SecurityLayer).await else {
        return;
    };
    let deadline = Instant::now() + context.deadlines.x224;
    let facts = x224::ask(&mut stream, offer, deadline).await;
    let answer = facts.iter().find_map(|fact| match fact {
        Fact::ConnectionConfirm { negotiation } => Some(match *negotiation {
            Negotiation::None => SecurityLayerAnswer::Accepted { selected_protocol: 0 },
            Negotiation::Response { selected_protocol, .. } => {
                SecurityLayerAnswer::Accepted { selected_protocol }
            }
            Negotiation::Failure { code } => SecurityLayerAnswer::Refused { code },
        }),
        Fact::StreamEnded { ending, .. } => Some(SecurityLayerAnswer::NoAnswer { ending: *ending }),
        _ => None,
    });
    let number = Some(stream.number());
    stream.finish(Ending::ClosedByClient);
    if let Some(answer) = answer {
        let fact = Fact::SecurityLayerOffer { layer, requested_protocols: offer, answer };
        context.journal.note(Stage::X224, number, fact);
    }
}

/// Tries each TLS version alone, then the weak suites.
pub(crate) async fn tls_offers(context: Context, remote: SocketAddr) {
    let versions = [SslVersion::TLS1, SslVersion::TLS1_1, SslVersion::TLS1_2, SslVersion::TLS1_3];
    for offer in versions.map(Offer::Version).into_iter().chain([Offer::WeakSuites]) {
        tls_offer(&context, remote, offer).await;
    }
}

/// Asks whether the server takes this offer of TLS.
pub(crate) async fn tls_offer(context: &Context, remote: SocketAddr, offer: Offer) {
    let Some(mut stream) = tcp::again(context, remote, Purpose::TlsVersion).await else { return };
    let connection = Some(stream.number());
    let deadline = Instant::now() + context.deadlines.x224;
    let facts = x224::ask(&mut stream, context.offer, deadline).await;
    let accepted = if facts.iter().any(|f| matches!(f, Fact::ConnectionConfirm { .. })) {
        tls::taken(context, stream, offer).await
    } else {
        Lookup::unavailable("the server did not confirm this connection")
    };
    let (oldest, newest) = offer.versions();
    let weak_suites_only = offer == Offer::WeakSuites;
    let fact = Fact::TlsVersionOffer { oldest, newest, weak_suites_only, accepted };
    context.journal.note(Stage::Tls, connection, fact);
}
