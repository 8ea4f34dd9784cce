//! Which way long packets are lost, where long echo requests are: both directions at once, and small
//! segments as soon as usual ones are late, so that a bad path costs little more than one silence.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use openssl::rand::rand_bytes;
use rdpdoctor_model::{Ending, Fact, LongOffer, Purpose, Stage};
use rdpdoctor_wire::encode;
use tokio::time::{Instant, sleep, timeout};

use super::{LOST_AFTER, SMALL_SEGMENT};
use crate::context::Context;
use crate::exchange::exchange;
use crate::stages::{tcp, tls, x224};
use crate::tls::Offer;

/// An answer of so many bytes fills a packet of Ethernet.
const FILLS_A_PACKET: u64 = 1460;

/// Bytes of the padded ClientHello: with the headers it fills Ethernet's MTU nearly.
const PADDED_HELLO: usize = 1400;

/// A handshake is late after so many round trips, and what the server may take to sign.
const LATE_TRIPS: u32 = 6;
const SIGNING: Duration = Duration::from_millis(100);

/// Do long packets go up, and do they come down? `slowest` is the longest round trip seen.
pub(super) async fn both_ways(context: &Context, remote: SocketAddr, slowest: Duration) {
    let late = slowest * LATE_TRIPS + SIGNING;
    let (goes_up, told) = tokio::join!(
        padded_hello(context, remote, late),
        long_answer(context, remote, LongOffer::Dhe, late)
    );
    // What is lost on the way up says nothing of the way down.
    if !goes_up {
        return;
    }
    let told = match told {
        Some(told) => Some(told),
        // This ClientHello is a long one itself.
        None => long_answer(context, remote, LongOffer::PostQuantum, late).await,
    };
    for fact in told.into_iter().flatten() {
        context.note(Stage::Network, fact);
    }
}

/// What came of `usual`, and of `small` where that is needed: it is begun when the usual one is late,
/// and not waited for when that one comes.
async fn usual_then_small<T>(
    usual: impl Future<Output = T>,
    small: impl Future<Output = T>,
    late: Duration,
    came: impl Fn(&T) -> bool,
) -> (T, Option<T>) {
    let small = async {
        sleep(late).await;
        small.await
    };
    tokio::pin!(usual, small);
    let mut early = None;
    let usual = loop {
        tokio::select! {
            biased;
            usual = &mut usual => break usual,
            small = &mut small, if tcp::SETS_SEGMENTS && early.is_none() => early = Some(small),
        }
    };
    if came(&usual) || !tcp::SETS_SEGMENTS {
        return (usual, None);
    }
    let small = match early {
        Some(small) => small,
        None => small.await,
    };
    (usual, Some(small))
}

/// Do long packets go up? A ClientHello that fills one, and the same in small segments.
///
/// Whether they do at once: then what is lost, if anything, is lost on the way down.
async fn padded_hello(context: &Context, remote: SocketAddr, late: Duration) -> bool {
    let hello = |segment| async move {
        match timeout(LOST_AFTER, hello_answered(context, remote, segment)).await {
            Ok(answered) => answered,
            Err(_) => Some(false),
        }
    };
    let came = |answered: &Option<bool>| *answered != Some(false);
    let (usual, small) =
        usual_then_small(hello(None), hello(Some(SMALL_SEGMENT)), late, came).await;
    for (segment, answered) in [(None, usual), (Some(SMALL_SEGMENT), small.flatten())] {
        if let Some(answered) = answered {
            let fact = Fact::PaddedClientHello { length: PADDED_HELLO, segment, answered };
            context.note(Stage::Network, fact);
        }
    }
    usual == Some(true)
}

/// Do long packets come down? A handshake whose first answer is longer than one, and the same in small
/// segments. What a server does not take, or answers shortly, tells nothing.
async fn long_answer(
    context: &Context,
    remote: SocketAddr,
    offer: LongOffer,
    late: Duration,
) -> Option<Vec<Fact>> {
    let made = |segment| long_handshake(context, remote, offer, segment);
    let came = |made: &Option<(bool, u64)>| made.is_some();
    let (usual, small) = usual_then_small(made(None), made(Some(SMALL_SEGMENT)), late, came).await;
    let fact = |segment, (answered, received)| Fact::LongServerAnswer {
        offer,
        segment,
        answered,
        received,
    };
    let long = |made: &(bool, u64)| made.0 && made.1 >= FILLS_A_PACKET;
    match (usual, small.flatten().filter(long)) {
        (Some(made), _) => long(&made).then(|| vec![fact(None, made)]),
        // It fell silent.
        (None, Some(small)) => Some(vec![fact(None, (false, 0)), fact(Some(SMALL_SEGMENT), small)]),
        (None, None) => None,
    }
}

/// Whether the handshake was made, and how many bytes came; `None`: it fell silent.
async fn long_handshake(
    context: &Context,
    remote: SocketAddr,
    offer: LongOffer,
    segment: Option<u32>,
) -> Option<(bool, u64)> {
    let journal = Arc::clone(&context.journal);
    let limit = context.deadlines.tcp;
    let Some(mut stream) = tcp::attempt_in(journal, remote, limit, Purpose::Path, segment).await
    else {
        return Some((false, 0));
    };
    let number = Some(stream.number());
    let facts = x224::ask(&mut stream, context.offer, Instant::now() + LOST_AFTER).await;
    if !facts.iter().any(x224::selects_tls) {
        return Some((false, 0));
    }
    let made = timeout(LOST_AFTER, tls::taken(context, stream, Offer::Long(offer))).await.ok()?;
    let received = context.journal.observations().into_iter().rev().find_map(|o| match o.fact {
        Fact::StreamEnded { received, .. } if o.connection == number => Some(received),
        _ => None,
    });
    Some((made.as_seen().is_some(), received.unwrap_or_default()))
}

/// `None` where the server speaks no TLS, or this connection was not made.
async fn hello_answered(
    context: &Context,
    remote: SocketAddr,
    segment: Option<u32>,
) -> Option<bool> {
    let journal = Arc::clone(&context.journal);
    let limit = context.deadlines.tcp;
    let mut stream = tcp::attempt_in(journal, remote, limit, Purpose::Path, segment).await?;
    let deadline = Instant::now() + LOST_AFTER;
    let facts = x224::ask(&mut stream, context.offer, deadline).await;
    facts.iter().find(|fact| x224::selects_tls(fact))?;
    let mut random = [0; 32];
    rand_bytes(&mut random).ok()?;
    let hello = encode::padded_client_hello(random, context.server_name(), PADDED_HELLO);
    let said = |fact: &Fact| {
        matches!(fact, Fact::ServerHello { .. } | Fact::TlsAlert { .. } | Fact::TlsMalformed { .. })
    };
    let facts = exchange(&mut stream, &hello, deadline, said).await;
    stream.finish(Ending::ClosedByClient);
    Some(facts.iter().any(said))
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::sync::oneshot::channel;

    use super::*;

    /// What came of both; small segments are begun at once.
    async fn raced(
        usual: impl Future<Output = bool>,
        small: impl Future<Output = bool>,
    ) -> (bool, Option<bool>) {
        usual_then_small(usual, small, Duration::ZERO, |came| *came).await
    }

    #[tokio::test]
    async fn what_came_needs_nothing_else() {
        assert_eq!(raced(ready(true), pending()).await, (true, None));
        assert_eq!(raced(ready(false), ready(true)).await, (false, Some(true)));
        assert_eq!(raced(ready(false), ready(false)).await, (false, Some(false)));
    }

    #[tokio::test]
    async fn small_segments_do_not_wait_until_usual_ones_are_lost() {
        let (begin, begun) = channel();
        let small = async move { begin.send(()).is_ok() };
        // Lost only when small ones have come.
        let usual = async move { begun.await.is_err() };
        assert_eq!(raced(usual, small).await, (false, Some(true)));

        let (begin, begun) = channel();
        let small = async move {
            let _ = begin.send(());
            pending().await
        };
        // It comes late: what small ones come to is not waited for.
        let usual = async move { begun.await.is_ok() };
        assert_eq!(raced(usual, small).await, (true, None));
    }
}
