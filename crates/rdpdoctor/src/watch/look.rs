//! One try, and what of it goes into the timeline.

use std::sync::Arc;

use rdpdoctor_diagnosis::{Evidence, Policy, diagnose};
use rdpdoctor_model::{Fact, Observation, Purpose, Target, Timestamp};
use rdpdoctor_probe::{CheckOptions, Journal, Prober, Progress, interface_of};
use rdpdoctor_report::watch::Tick;

use crate::bastion_list::BastionList;

/// A try with its evidence.
#[derive(Clone)]
pub struct Seen {
    pub tick: Tick,
    pub observations: Vec<Observation>,
}

/// Makes one try.
pub async fn look(
    prober: &Prober,
    target: &Target,
    options: &CheckOptions,
    policy: Policy,
    bastions: &BastionList,
    progress: Option<Progress>,
) -> Seen {
    let journal = Arc::new(Journal::default());
    prober.check(target, options, &journal, progress).await;
    let mut observations = journal.observations();
    let at = journal.started_at();
    bastions.add_fitting(target, at, &mut observations);
    let tick = tick(&observations, target, at, policy, journal.elapsed_whole_ms());
    Seen { tick, observations }
}

fn tick(
    observations: &[Observation],
    target: &Target,
    at: Timestamp,
    policy: Policy,
    elapsed_ms: u64,
) -> Tick {
    let evidence = Evidence::new(observations, Some(target), at, policy);
    let verdict = diagnose(&evidence).verdict;
    let connected = evidence.on(Purpose::Main, |fact| match fact {
        Fact::TcpConnected { remote, local, round_trip_ms } => {
            Some((remote.ip(), local.ip(), *round_trip_ms))
        }
        _ => None,
    });
    let connected = connected.last().map(|seen| seen.value);
    let series = short_series(observations);
    let (echo_sent, echo_lost, median) = series.map_or((0, 0, None), |(_, s, l, m)| (s, l, m));
    let own_address = connected.map(|(_, own, _)| own);
    Tick {
        number: 0,
        at,
        status: verdict.status.into(),
        stage: verdict.stage,
        cause: verdict.cause.map(|cause| cause.id.to_string()),
        title: verdict.title,
        address: connected.map(|(remote, ..)| remote),
        own_address,
        interface: own_address.and_then(interface_of),
        round_trip_ms: connected.and_then(|(.., trip)| median.or(Some(trip))),
        echo_sent,
        echo_lost,
        elapsed_ms,
        changes: Vec::new(),
    }
}

/// Echo requests below this length are the ordinary ones.
const SHORT: u32 = 500;

fn short_series(observations: &[Observation]) -> Option<(u32, u32, u32, Option<f64>)> {
    observations.iter().rev().find_map(|observation| match observation.fact {
        Fact::EchoSeries { bytes, sent, lost, median_ms, .. } if bytes < SHORT => {
            Some((bytes, sent, lost, median_ms))
        }
        _ => None,
    })
}

/// The length of the ordinary echo requests.
pub fn shortest_echo(seen: &Seen) -> Option<u32> {
    short_series(&seen.observations).map(|(bytes, ..)| bytes)
}

/// The addresses that the system's resolver gave.
pub fn resolved(observations: &[Observation]) -> Vec<String> {
    let found = observations.iter().find_map(|observation| match &observation.fact {
        Fact::NameResolved { addresses, .. } => Some(addresses),
        _ => None,
    });
    found.into_iter().flatten().map(ToString::to_string).collect()
}
