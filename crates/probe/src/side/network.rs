//! Stage `network`: what the path does to packets, measured beside the main path. A dozen echo
//! requests, some of them as long as the path's links allow, and a longer series when asked for.

mod long;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdpdoctor_model::{Fact, Lookup, Purpose, Stage, StageOutcome, Transport};
use tokio::time::{Instant, timeout, timeout_at};

use crate::context::Context;
use crate::echo::Echo;
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

/// How long a handshake may take that is tried once more: so many times what it took in small
/// segments, within these bounds. A segment that is lost by accident is there again by then.
const ONCE_MORE: u32 = 4;
const SHORTEST_ONCE_MORE: Duration = Duration::from_secs(1);
const LONGEST_ONCE_MORE: Duration = Duration::from_secs(3);

/// The segment length that every path takes (RFC 9293 3.7.1).
const SMALL_SEGMENT: u32 = 536;

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
        Ok(Some(slowest)) => long::both_ways(&context, remote, slowest).await,
        Ok(None) => {}
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

/// How long the slowest answer took, where the long ones are lost and the short ones come back.
async fn echoes(
    context: &Context,
    address: IpAddr,
    over: &AtomicBool,
) -> Result<Option<Duration>, String> {
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
    let suspect = left > 0 && long.times().is_empty() && answered * 2 > usize::from(count);
    let slowest = short.times().into_iter().fold(0.0, f64::max);
    Ok(suspect.then(|| Duration::from_secs_f64(slowest / 1000.0)))
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

/// Whether the same succeeds without small segments when it is tried once more, within this time.
async fn usual_segments_pass(context: &Context, remote: SocketAddr, limit: Duration) -> bool {
    let once_more = async {
        let mut stream = context.again(remote, Purpose::Path).await?;
        let deadline = Instant::now() + context.deadlines.x224;
        let facts = x224::ask(&mut stream, context.offer, deadline).await;
        facts.iter().find(|fact| x224::selects_tls(fact))?;
        tls::taken(context, stream, Offer::Everything).await.as_seen().cloned()
    };
    matches!(timeout(limit, once_more).await, Ok(Some(_)))
}

/// A handshake that fell silent: does it succeed in small segments, which both sides then send?
pub(crate) async fn small_segments(context: &Context, remote: SocketAddr) {
    if !tcp::SETS_SEGMENTS {
        let handshake = Lookup::unavailable("this system lets nobody set the length of segments");
        context.note(Stage::Network, Fact::SmallSegments { segment: SMALL_SEGMENT, handshake });
        return;
    }
    let begun = Instant::now();
    let journal = Arc::clone(&context.journal);
    let (limit, purpose) = (context.deadlines.tcp, Purpose::Path);
    let stream = tcp::attempt_in(journal, remote, limit, purpose, Some(SMALL_SEGMENT)).await;
    let Some(mut stream) = stream else { return };
    let deadline = Instant::now() + context.deadlines.x224;
    let facts = x224::ask(&mut stream, context.offer, deadline).await;
    if facts.iter().any(x224::selects_tls) {
        let mut handshake = tls::taken(context, stream, Offer::Everything).await;
        let again = begun.elapsed() * ONCE_MORE;
        let again = again.clamp(SHORTEST_ONCE_MORE, LONGEST_ONCE_MORE);
        if handshake.as_seen().is_some() && usual_segments_pass(context, remote, again).await {
            // A slow host, and no black hole.
            handshake = Lookup::unavailable("the second time it succeeded in usual ones too");
        }
        let fact = Fact::SmallSegments { segment: SMALL_SEGMENT, handshake };
        context.note(Stage::Network, fact);
    }
}
