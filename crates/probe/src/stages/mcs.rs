//! MCS Connect (MS-RDPBCGR 1.3.1.1), for servers that take a connection without NLA: inside TLS or,
//! with Standard RDP Security, in clear.

use rdpdoctor_model::{Ending, Fact};
use rdpdoctor_wire::encode;
use tokio::time::Instant;
use tokio_openssl::SslStream;

use crate::check::Context;
use crate::exchange::{exchange, exchange_in_tls, metered};
use crate::stream::MeteredStream;

/// What the negotiation left to speak MCS over.
pub(crate) enum Channel {
    Clear(Box<MeteredStream>),
    Tls(Box<SslStream<MeteredStream>>),
}

/// Asks for the Connect Response; the error says why there is none.
pub(crate) async fn run(context: &Context, channel: Channel) -> Result<(), String> {
    let deadline = Instant::now() + context.deadlines.mcs;
    let facts = match channel {
        Channel::Clear(mut stream) => {
            let request = encode::mcs_connect_initial(0)?;
            let facts = exchange(&mut stream, &request, deadline, is_answer).await;
            stream.finish(Ending::ClosedByClient);
            facts
        }
        Channel::Tls(mut stream) => {
            let request = encode::mcs_connect_initial(1)?;
            let facts = exchange_in_tls(&mut stream, &request, deadline, is_answer).await;
            metered(&mut stream).finish(Ending::ClosedByClient);
            facts
        }
    };
    let accepted =
        facts.iter().any(|fact| matches!(fact, Fact::McsConnectResponse { result: 0, .. }));
    if accepted { Ok(()) } else { Err("the server did not answer MCS Connect".to_owned()) }
}

fn is_answer(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::McsConnectResponse { .. }
            | Fact::McsDisconnectUltimatum { .. }
            | Fact::McsMalformed { .. }
            | Fact::StreamEnded { .. }
    )
}
