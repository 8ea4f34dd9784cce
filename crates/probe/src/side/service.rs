//! What is this service? One connection that first listens without a word, then offers TLS. It
//! tells a listener that hangs up on everybody from one that hangs up on RDP, and names what greets
//! late or speaks nothing but TLS.

use std::net::SocketAddr;
use std::time::Duration;

use openssl::rand::rand_bytes;
use rdpdoctor_model::{Ending, Fact, Purpose};
use rdpdoctor_wire::encode;
use tokio::io::AsyncReadExt as _;
use tokio::time::{Instant, timeout};

use crate::check::Context;
use crate::exchange::exchange;
use crate::stages::tcp;

/// How long a word is waited for.
const LISTENING: Duration = Duration::from_millis(1200);

/// How long an answer to the ClientHello is waited for.
const ANSWERING: Duration = Duration::from_secs(3);

pub(crate) async fn probe(context: &Context, remote: SocketAddr) {
    let Some(mut stream) = tcp::again(context, remote, Purpose::ServiceProbe).await else { return };
    let mut buffer = [0; 1024];
    let first = timeout(LISTENING, stream.read(&mut buffer)).await;
    match first {
        // It keeps the line open without a word, or has begun to say something: ask on.
        Err(_) => {
            let mut random = [0; 32];
            if rand_bytes(&mut random).is_ok() {
                let hello = encode::plain_client_hello(random, context.server_name());
                exchange(&mut stream, &hello, Instant::now() + ANSWERING, is_word).await;
            }
        }
        Ok(Ok(read)) if read > 0 => {
            exchange(&mut stream, &[], Instant::now() + LISTENING, is_word).await;
        }
        Ok(_) => {
            stream.finish(Ending::Fin);
        }
    }
    stream.finish(Ending::ClosedByClient);
}

fn is_word(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::ForeignService { .. } | Fact::X224Malformed { .. } | Fact::StreamEnded { .. }
    )
}
