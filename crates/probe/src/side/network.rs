//! Stage `network`: what the path does to packets, measured beside the main path. A dozen echo
//! requests, some of them as long as the path's links allow, and a longer series when asked for.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use openssl::rand::rand_bytes;
use rdpdoctor_model::{Ending, Fact, LongOffer, Lookup, Purpose, Stage, StageOutcome, Transport};
use rdpdoctor_wire::encode;
use tokio::time::{Instant, timeout, timeout_at};

use crate::context::Context;
use crate::echo::Echo;
use crate::exchange::exchange;
use crate::stages::dns::millis;
use crate::stages::{tcp, tls, x224};
use crate::tls::Offer;

/// How many echo requests are sent where nobody asked for more.
pub(crate) const SAMPLES: u16 = 12;

/// Between two of them: all are sent before the main path ends on most paths.
const SPACING: Duration = Duration::from_millis(4);

/// Between two of a longer series: what a burst does to a queue is not the path's loss.
const LONG_SPACING: Duration = Duration::from_millis(20);

/// Bytes of the long requests: the MTU of Ethernet.
const LONG: usize = 1500;

/// How many of them; their numbers are above all others.
const LONG_SAMPLES: u16 = 3;
const FIRST_LONG: u16 = 0x8000;

/// An answer that takes longer counts as lost.
const LOST_AFTER: Duration = Duration::from_millis(1000);

/// An answer is waited for at least so long after the one before it, twice.
const SHORTEST_PATIENCE_MS: f64 = 20.0;

/// How long answers are waited for at a time.
const LISTENING: Duration = Duration::from_millis(10);

/// How long a handshake may take that is tried once more.
const ONCE_MORE: Duration = Duration::from_secs(3);

/// An answer of so many bytes fills a packet of Ethernet.
const FILLS_A_PACKET: u64 = 1460;

/// The segment length that every path takes (RFC 9293 3.7.1).
const SMALL_SEGMENT: u32 = 536;

/// Bytes of the padded ClientHello: with the headers it fills Ethernet's MTU nearly.
const PADDED_HELLO: usize = 1400;

/// What is known of one series while it is measured; written down however it ends.
struct Series {
    context: Context,
    address: IpAddr,
    bytes: usize,
    sent: Vec<Option<Instant>>,
    answered: Vec<Option<f64>>,
}

impl Series {
    fn new(context: &Context, address: IpAddr, bytes: usize, count: u16) -> Self {
        let count = usize::from(count);
        Self {
            context: context.clone(),
            address,
            bytes,
            sent: vec![None; count],
            answered: vec![None; count],
        }
    }

    fn answer(&mut self, index: usize) {
        let Some(Some(sent)) = self.sent.get(index) else { return };
        // A doubled reply counts once.
        self.answered[index].get_or_insert(millis(sent.elapsed()));
    }

    fn is_complete(&self) -> bool {
        self.answered.iter().all(Option::is_some)
    }

    /// The times of those that were answered, as they were sent.
    fn times(&self) -> Vec<f64> {
        self.answered.iter().flatten().copied().collect()
    }

    /// Those that are out for longer than an answer takes: the slowest seen, twice.
    fn lost(&self, now: Instant) -> usize {
        let slowest = self.times().into_iter().fold(SHORTEST_PATIENCE_MS, f64::max);
        let patience = Duration::from_secs_f64(slowest * 2.0 / 1000.0);
        let pairs = self.sent.iter().zip(&self.answered);
        pairs
            .filter(|(sent, answered)| {
                answered.is_none() && sent.is_some_and(|sent| now.duration_since(sent) >= patience)
            })
            .count()
    }
}

impl Drop for Series {
    fn drop(&mut self) {
        let times = self.times();
        let lost = self.lost(Instant::now());
        // One that was under way when it was stopped is neither.
        let sent = times.len() + lost;
        if sent == 0 {
            return;
        }
        let mut sorted = times.clone();
        sorted.sort_by(f64::total_cmp);
        let steps = times.windows(2).map(|pair| (pair[0] - pair[1]).abs());
        let jitter = steps.clone().sum::<f64>() / steps.count().max(1) as f64;
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        self.context.note(
            Stage::Network,
            Fact::EchoSeries {
                address: self.address,
                bytes: number(self.bytes),
                sent: number(sent),
                lost: number(lost),
                shortest_ms: sorted.first().copied(),
                median_ms: sorted.get(sorted.len() / 2).copied(),
                longest_ms: sorted.last().copied(),
                jitter_ms: (times.len() > 1).then_some((jitter * 1000.0).round() / 1000.0),
            },
        );
    }
}

/// Measures the path to an address; the target's port is there for what echo cannot tell. `over` says
/// that all else is done: a host that answers no echo request is then not waited for.
pub(crate) async fn measure(context: Context, remote: SocketAddr, over: Arc<AtomicBool>) {
    let mut measuring = Measuring { context: context.clone(), begun: Instant::now(), untold: None };
    match echoes(&context, remote.ip(), &over).await {
        Ok(true) => {
            if padded_hello(&context, remote).await {
                long_answer(&context, remote).await;
            }
        }
        Ok(false) => {}
        Err(why) => measuring.untold = Some(why),
    }
}

/// The stage, which ends with the measuring, also when that is cut off.
struct Measuring {
    context: Context,
    begun: Instant,
    untold: Option<String>,
}

impl Drop for Measuring {
    fn drop(&mut self) {
        let reason = self.untold.take();
        let outcome = match reason {
            None => StageOutcome::Passed,
            Some(_) => StageOutcome::Skipped,
        };
        let elapsed_ms = millis(self.begun.elapsed());
        self.context.note(Stage::Network, Fact::StageEnded { outcome, reason, elapsed_ms });
    }
}

/// Whether the long ones are lost where the short ones come back.
async fn echoes(context: &Context, address: IpAddr, over: &AtomicBool) -> Result<bool, String> {
    let echo = Echo::open(address).map_err(|error| format!("no ICMP for this user: {error}"))?;
    let number = context.journal.next_connection();
    let (purpose, transport) = (Purpose::Path, Transport::Icmp);
    let remote = SocketAddr::new(address, 0);
    let fact = Fact::Connection { number, purpose, transport, remote, local: None };
    context.journal.note(Stage::Network, Some(number), fact);
    let count = context.samples.unwrap_or(SAMPLES).min(FIRST_LONG);
    let spacing = if count > SAMPLES { LONG_SPACING } else { SPACING };
    let mut short = Series::new(context, address, Echo::shortest(address), count);
    let mut long = Series::new(context, address, LONG, LONG_SAMPLES);
    let mut next = Instant::now();
    for index in 0..count {
        short.sent[usize::from(index)] = Some(Instant::now());
        let sent = echo.send(index, short.bytes).await;
        if index < LONG_SAMPLES {
            // Windows sends it in fragments, which says nothing of long packets.
            let whole = cfg!(not(windows));
            let left = whole && echo.send(FIRST_LONG + index, LONG).await.is_ok();
            long.sent[usize::from(index)] = left.then(Instant::now);
        }
        sent.map_err(|error| format!("no echo request leaves: {error}"))?;
        next += spacing;
        listen(&echo, &mut short, &mut long, next).await;
        if over.load(Ordering::Relaxed) && short.times().is_empty() && spacing == SPACING {
            break;
        }
    }
    let mut last_answer = Instant::now();
    let end = last_answer + LOST_AFTER;
    while !(short.is_complete() && long.is_complete()) && Instant::now() < end {
        let times = short.times();
        if over.load(Ordering::Relaxed) && times.is_empty() {
            break;
        }
        // What comes so late after all others does not come.
        let slowest = times.iter().copied().fold(SHORTEST_PATIENCE_MS, f64::max);
        let patience = Duration::from_secs_f64(slowest * 2.0 / 1000.0);
        if !times.is_empty() && last_answer.elapsed() > patience {
            break;
        }
        if listen(&echo, &mut short, &mut long, Instant::now() + LISTENING).await {
            last_answer = Instant::now();
        }
    }
    let answered = short.times().len();
    if answered == 0 {
        return Err("the host answers no echo request".to_owned());
    }
    let left = long.sent.iter().flatten().count();
    Ok(left > 0 && long.times().is_empty() && answered * 2 > usize::from(count))
}

/// Takes answers until then; whether one came.
async fn listen(echo: &Echo, short: &mut Series, long: &mut Series, until: Instant) -> bool {
    let mut any = false;
    loop {
        match timeout_at(until, echo.answer()).await {
            Err(_) => return any,
            Ok(Ok(number)) if number >= FIRST_LONG => long.answer((number - FIRST_LONG).into()),
            Ok(Ok(number)) => short.answer(number.into()),
            // An ICMP error for one of them; the others go on.
            Ok(Err(_)) => tokio::task::yield_now().await,
        }
        any = true;
        if short.is_complete() && long.is_complete() {
            return any;
        }
    }
}

/// Do long packets go up? A ClientHello that fills one, then the same in small segments.
///
/// Whether they do at once: then what is lost, if anything, is lost on the way down.
async fn padded_hello(context: &Context, remote: SocketAddr) -> bool {
    for segment in [None, Some(SMALL_SEGMENT)] {
        if segment.is_some() && !tcp::SETS_SEGMENTS {
            return false;
        }
        let answered = timeout(LOST_AFTER, hello_answered(context, remote, segment)).await;
        let answered = match answered {
            Ok(None) => return false,
            Ok(Some(answered)) => answered,
            Err(_) => false,
        };
        let fact = Fact::PaddedClientHello { length: PADDED_HELLO, segment, answered };
        context.note(Stage::Network, fact);
        if answered {
            return segment.is_none();
        }
    }
    false
}

/// Do long packets come down? A handshake whose first answer is longer than one, then the same in small
/// segments. What a server does not take, or answers shortly, tells nothing.
async fn long_answer(context: &Context, remote: SocketAddr) {
    for offer in [LongOffer::Dhe, LongOffer::PostQuantum] {
        match long_handshake(context, remote, offer, None).await {
            Some((true, received)) if received >= FILLS_A_PACKET => {
                note_long(context, offer, None, (true, received));
                return;
            }
            Some(_) => continue,
            // It fell silent.
            None => {}
        }
        if !tcp::SETS_SEGMENTS {
            return;
        }
        let small = long_handshake(context, remote, offer, Some(SMALL_SEGMENT)).await;
        if let Some((true, received)) = small
            && received >= FILLS_A_PACKET
        {
            note_long(context, offer, None, (false, 0));
            note_long(context, offer, Some(SMALL_SEGMENT), (true, received));
            return;
        }
    }
}

fn note_long(
    context: &Context,
    offer: LongOffer,
    segment: Option<u32>,
    (answered, received): (bool, u64),
) {
    let fact = Fact::LongServerAnswer { offer, segment, answered, received };
    context.note(Stage::Network, fact);
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

/// Whether the same succeeds without small segments when it is tried once more.
async fn usual_segments_pass(context: &Context, remote: SocketAddr) -> bool {
    let once_more = async {
        let mut stream = context.again(remote, Purpose::Path).await?;
        let deadline = Instant::now() + context.deadlines.x224;
        let facts = x224::ask(&mut stream, context.offer, deadline).await;
        facts.iter().find(|fact| x224::selects_tls(fact))?;
        tls::taken(context, stream, Offer::Everything).await.as_seen().cloned()
    };
    matches!(timeout(ONCE_MORE, once_more).await, Ok(Some(_)))
}

/// A handshake that fell silent: does it succeed in small segments, which both sides then send?
pub(crate) async fn small_segments(context: &Context, remote: SocketAddr) {
    if !tcp::SETS_SEGMENTS {
        let handshake = Lookup::unavailable("this system lets nobody set the length of segments");
        context.note(Stage::Network, Fact::SmallSegments { segment: SMALL_SEGMENT, handshake });
        return;
    }
    let journal = Arc::clone(&context.journal);
    let (limit, purpose) = (context.deadlines.tcp, Purpose::Path);
    let stream = tcp::attempt_in(journal, remote, limit, purpose, Some(SMALL_SEGMENT)).await;
    let Some(mut stream) = stream else { return };
    let deadline = Instant::now() + context.deadlines.x224;
    let facts = x224::ask(&mut stream, context.offer, deadline).await;
    if facts.iter().any(x224::selects_tls) {
        let mut handshake = tls::taken(context, stream, Offer::Everything).await;
        if handshake.as_seen().is_some() && usual_segments_pass(context, remote).await {
            // A slow host, and no black hole.
            handshake = Lookup::unavailable("the second time it succeeded in usual ones too");
        }
        let fact = Fact::SmallSegments { segment: SMALL_SEGMENT, handshake };
        context.note(Stage::Network, fact);
    }
}
