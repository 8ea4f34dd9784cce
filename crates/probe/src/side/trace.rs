//! `--trace`: which routers answer on the way to the very port, by TCP with rising TTL (hop limit). It
//! needs no rights of its own: the ICMP message of the router that gives up a packet is in the socket's
//! error queue.

use std::net::SocketAddr;
use std::time::Duration;

use rdpdoctor_model::{Fact, Lookup, Purpose, Stage, StageOutcome, Transport};
use tokio::time::Instant;

use crate::context::Context;
use crate::stages::dns::millis;
use crate::stages::tcp::{self, AtHop};

/// So many hops are asked at a time: no more connections than these reach the host.
const AT_ONCE: u8 = 3;

/// No path has more hops.
const MOST_HOPS: u8 = 30;

/// How long a router may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Asks hop after hop, until the host answers, or nobody does twice over and the host was not reached.
pub(crate) async fn path(context: Context, remote: SocketAddr) {
    let begun = Instant::now();
    hops(&context, remote).await;
    let measured = |fact: &Fact| matches!(fact, Fact::Connection { purpose: Purpose::Path, .. });
    if !context.journal.observations().iter().any(|o| measured(&o.fact)) {
        // Nothing was connected, so nothing else tells of this stage.
        let elapsed_ms = millis(begun.elapsed());
        let outcome = StageOutcome::Passed;
        context.note(Stage::Network, Fact::StageEnded { outcome, reason: None, elapsed_ms });
    }
}

async fn hops(context: &Context, remote: SocketAddr) {
    let to_host =
        |fact: &Fact| matches!(fact, Fact::TcpConnected { remote: r, .. } if *r == remote);
    let connected = context.journal.observations().iter().any(|o| to_host(&o.fact));
    let mut silent = 0;
    for first in (1..=MOST_HOPS).step_by(AT_ONCE.into()) {
        let asked = (first..first + AT_ONCE).map(|hop| ask(context.clone(), remote, hop));
        let mut tasks: Vec<_> = asked.map(tokio::spawn).collect();
        let (mut any, mut reached) = (false, false);
        for task in &mut tasks {
            let Ok(answer) = task.await else { return };
            any |= answer != Answer::None;
            reached |= answer == Answer::Host;
        }
        silent = if any { 0 } else { silent + 1 };
        // Routers that keep quiet are no end of the path where the host itself was reached.
        if reached || (silent == 2 && !connected) {
            return;
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Host,
    Router,
    None,
}

async fn ask(context: Context, remote: SocketAddr, hop: u8) -> Answer {
    let number = context.journal.next_connection();
    let (purpose, transport) = (Purpose::Trace, Transport::Tcp);
    let connection = Fact::Connection { number, purpose, transport, remote, local: None };
    context.journal.note(Stage::Network, Some(number), connection);
    let begun = Instant::now();
    let (answer, from, icmp) = match tcp::at_hop(&context.journal, remote, hop, PATIENCE).await {
        AtHop::Host => (Answer::Host, Some(remote.ip()), Lookup::Absent),
        AtHop::Router(icmp) => (Answer::Router, icmp.from, Lookup::seen(icmp)),
        AtHop::Silent => (Answer::None, None, Lookup::Absent),
        AtHop::Unknown(why) => (Answer::None, None, Lookup::unavailable(why)),
    };
    let fact = Fact::TraceHop {
        hop,
        from,
        is_host: answer == Answer::Host,
        icmp,
        elapsed_ms: millis(begun.elapsed()),
    };
    context.journal.note(Stage::Network, Some(number), fact);
    answer
}
