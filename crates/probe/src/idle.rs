//! A connection that is held without a word behind the Connection Confirm, and then spoken on: does
//! something on the way forget it?

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use openssl::rand::rand_bytes;
use rdpdoctor_model::{Ending, Fact, IdleOutcome, Lookup, Purpose};
use rdpdoctor_wire::encode;
use tokio::io::AsyncReadExt as _;
use tokio::time::{Instant, timeout};

use crate::Journal;
use crate::exchange::exchange;
use crate::stages::{tcp, x224};

/// How long an answer is waited for, on the old connection and on the new one. TCP has sent its
/// segment again several times by then (RFC 6298).
const ANSWER: Duration = Duration::from_secs(8);

/// What came of one connection.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// For how long it was silent.
    pub silent: Duration,
    /// What came of speaking.
    pub outcome: IdleOutcome,
    /// How it had ended, where it ended meanwhile.
    pub ending: Option<Ending>,
    /// Whether a new connection worked right behind it.
    pub fresh: Lookup<String>,
}

/// Connects, negotiates, is silent for so long, and then says a ClientHello. `None` where there is
/// nothing to hold: no connection, or a server that takes no TLS and would not answer. What is
/// written down stays in the journal, also when the future is dropped.
pub async fn hold_idle(
    remote: SocketAddr,
    silence: Duration,
    journal: &Arc<Journal>,
) -> Option<Held> {
    let offer = x224::MSTSC_OFFER;
    let (limit, purpose) = (ANSWER, Purpose::Idle);
    let connecting = tcp::attempt(Arc::clone(journal), remote, limit, purpose, purpose);
    let mut stream = connecting.await?;
    let facts = x224::ask(&mut stream, offer, Instant::now() + ANSWER).await;
    facts.iter().find(|fact| x224::selects_tls(fact))?;
    let begun = Instant::now();
    let meanwhile = timeout(silence, stream.read(&mut [0; 64])).await;
    let silent = begun.elapsed();
    let (outcome, ending) = match meanwhile {
        // A server that speaks unasked is not silent.
        Ok(Ok(read)) if read > 0 => return None,
        Ok(_) => (IdleOutcome::EndedMeanwhile, stream.ended()),
        Err(_) => {
            let mut random = [0; 32];
            rand_bytes(&mut random).ok()?;
            let hello = encode::plain_client_hello(random, None);
            let facts = exchange(&mut stream, &hello, Instant::now() + ANSWER, said).await;
            (outcome(&facts), None)
        }
    };
    stream.finish(Ending::ClosedByClient);
    let fresh = match outcome {
        IdleOutcome::Answered => Lookup::unavailable("the old connection was answered"),
        _ => match answers(remote, journal).await {
            true => Lookup::seen("connected and confirmed".to_owned()),
            false => Lookup::Absent,
        },
    };
    Some(Held { silent, outcome, ending, fresh })
}

/// Any word of the server's proves that the connection lives; so does its FIN.
fn said(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::ServerHello { .. }
            | Fact::TlsAlert { .. }
            | Fact::TlsMalformed { .. }
            | Fact::StreamEnded { .. }
    )
}

fn outcome(facts: &[Fact]) -> IdleOutcome {
    let ended = facts.iter().find_map(|fact| match fact {
        Fact::StreamEnded { ending, .. } => Some(*ending),
        _ => None,
    });
    match ended {
        Some(Ending::Reset) => IdleOutcome::Reset,
        Some(Ending::Timeout | Ending::Failed) => IdleOutcome::Silence,
        _ if facts.iter().any(said) => IdleOutcome::Answered,
        _ => IdleOutcome::Silence,
    }
}

/// Whether a new connection gets as far as the old one did.
async fn answers(remote: SocketAddr, journal: &Arc<Journal>) -> bool {
    let (limit, purpose) = (ANSWER, Purpose::Idle);
    let connecting = tcp::attempt(Arc::clone(journal), remote, limit, purpose, purpose);
    let Some(mut stream) = connecting.await else { return false };
    let facts = x224::ask(&mut stream, x224::MSTSC_OFFER, Instant::now() + ANSWER).await;
    stream.finish(Ending::ClosedByClient);
    facts.iter().any(x224::selects_tls)
}
