//! What `watch` keeps while it watches: the tries, the stretches in which nothing changed, the way,
//! and the connections that were held without a word.

mod idle;
mod kept;
mod look;

pub use idle::IdlePlan;
pub use look::{Seen, look};

use kept::Kept;

use rdpdoctor_diagnosis::compare::{Group, compare};
use rdpdoctor_diagnosis::{Evidence, Policy, diagnose};
use rdpdoctor_model::{
    Fact, Observation, ObservationId, PathPart, Source, Stage, Target, Timestamp, WatchState,
};
use rdpdoctor_probe::Held;
use rdpdoctor_report::Document;
use rdpdoctor_report::document::{Engine, RunContext, Status};
use rdpdoctor_report::watch::{Change, Idle, Tick};

use crate::commands::check::addresses;

/// Stretches and changes of the path that are kept; a host that flaps for days has many.
const MOST_KEPT: usize = 500;

/// A watch in the making.
pub struct Timeline {
    target: Target,
    policy: Policy,
    started_at: Timestamp,
    ticks: Vec<Tick>,
    idles: Vec<Idle>,
    /// The last try, and the last one that worked.
    last: Option<Seen>,
    last_good: Option<Seen>,
    kept: Kept,
    periods: Vec<Period>,
    path: Path,
    path_changes: Vec<(Timestamp, Fact)>,
    holds: Vec<(Timestamp, Fact)>,
    /// How often something failed or changed so far.
    disturbances: u32,
}

/// Tries that ended alike.
struct Period {
    state: WatchState,
    from: Timestamp,
    until: Timestamp,
    ticks: u32,
    at_stage: Option<Stage>,
    cause: Option<String>,
}

/// The way as it was last seen.
#[derive(Default)]
struct Path {
    interface: Option<String>,
    own_address: Option<String>,
    addresses: Vec<String>,
}

impl Timeline {
    pub fn new(target: Target, policy: Policy, started_at: Timestamp) -> Self {
        Self {
            target,
            policy,
            started_at,
            ticks: Vec::new(),
            idles: Vec::new(),
            last: None,
            last_good: None,
            kept: Kept::default(),
            periods: Vec::new(),
            path: Path::default(),
            path_changes: Vec::new(),
            holds: Vec::new(),
            disturbances: 0,
        }
    }

    pub fn ticks(&self) -> &[Tick] {
        &self.ticks
    }

    pub fn idles(&self) -> &[Idle] {
        &self.idles
    }

    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    pub fn last(&self) -> Option<&Seen> {
        self.last.as_ref()
    }

    /// How often something failed or changed so far.
    pub fn disturbances(&self) -> u32 {
        self.disturbances
    }

    /// Takes in a try; what there is to say of it, and whether it is news.
    pub fn add(&mut self, mut seen: Seen) -> (Tick, bool) {
        seen.tick.number = u32::try_from(self.ticks.len() + 1).unwrap_or(u32::MAX);
        let mut tick = seen.tick.clone();
        tick.changes = self.changes(&seen);
        let turned = self.periods.last().is_none_or(|period| {
            (period.state, &period.cause) != (state(tick.status), &tick.cause)
        });
        self.extend_periods(&tick, turned);
        let moved = self.follow_path(&seen);
        self.kept.add(&seen, self.last.as_ref(), moved);
        if moved || !matches!(tick.status, Status::Ok | Status::Degraded) {
            self.disturbances += 1;
        }
        let news = turned || !tick.changes.is_empty();
        self.ticks.push(tick.clone());
        if matches!(tick.status, Status::Ok | Status::Degraded) {
            self.last_good = Some(seen.clone());
        }
        self.last = Some(seen);
        (tick, news)
    }

    /// What differs from the try before. Where it works again it is held against the last one that
    /// worked: what came back may not be what went.
    fn changes(&self, seen: &Seen) -> Vec<Change> {
        let works = |status| matches!(status, Status::Ok | Status::Degraded);
        let broke = self.last.as_ref().is_some_and(|last| !works(last.tick.status));
        let before = match &self.last_good {
            Some(good) if broke && works(seen.tick.status) => good,
            _ => match &self.last {
                Some(last) => last,
                None => return Vec::new(),
            },
        };
        let first = [self.evidence(before)];
        let second = [self.evidence(seen)];
        let told = |aspect: &str| aspect != "stage" && !aspect.starts_with("ending-awaiting");
        compare(&first, &second)
            .differences
            .iter()
            .filter(|d| (d.matters || d.aspect == "own-address") && told(&d.aspect))
            .map(|d| {
                let text = |group| d.of(group).first().map(|v| v.text.clone()).unwrap_or_default();
                Change {
                    stage: d.stage,
                    aspect: d.aspect.clone(),
                    before: text(Group::First),
                    after: text(Group::Second),
                }
            })
            .collect()
    }

    fn evidence<'a>(&'a self, seen: &'a Seen) -> Evidence<'a> {
        Evidence::new(&seen.observations, Some(&self.target), seen.tick.at, self.policy)
    }

    /// A try's own document.
    pub fn document_of(&self, seen: &Seen, via: Option<String>) -> Document {
        let diagnosis = diagnose(&self.evidence(seen));
        let run = RunContext {
            target: self.target.clone(),
            addresses: addresses(&self.target, &seen.observations),
            via,
            started_at: seen.tick.at,
            elapsed_ms: seen.tick.elapsed_ms,
            engine: Engine::Portable,
            last_stage_asked: Some(Stage::Desktop),
        };
        Document::new(run, &diagnosis, self.in_watch_time(seen))
    }

    /// The tries that are kept whole beside the last one, in the order of time.
    pub fn earlier(&self) -> Vec<&Seen> {
        self.kept.tries(self.last_good.as_ref(), self.last())
    }

    /// What a try saw, counted from the beginning of the watch.
    fn in_watch_time(&self, seen: &Seen) -> Vec<Observation> {
        let offset = self.since_start(seen.tick.at);
        let mut observations = seen.observations.clone();
        for observation in &mut observations {
            observation.at_ms = observation.at_ms.saturating_add(offset);
        }
        observations
    }

    fn extend_periods(&mut self, tick: &Tick, turned: bool) {
        if let Some(period) = self.periods.last_mut().filter(|_| !turned) {
            period.until = tick.at;
            period.ticks += 1;
            return;
        }
        if self.periods.len() == MOST_KEPT {
            // The first one says how it began.
            self.periods.remove(1);
        }
        self.periods.push(Period {
            state: state(tick.status),
            from: tick.at,
            until: tick.at,
            ticks: 1,
            at_stage: tick.stage,
            cause: tick.cause.clone(),
        });
    }

    /// Notes where the way is another one than it last was; whether it is.
    fn follow_path(&mut self, seen: &Seen) -> bool {
        let tick = &seen.tick;
        let before = self.path_changes.len();
        let own = tick.own_address.map(|address| address.to_string());
        let mut change = |part, old: &mut Option<String>, new: Option<String>| {
            if let Some(new) = new {
                if let Some(was) = old.as_ref().filter(|was| **was != new) {
                    let fact = Fact::PathChange { part, before: was.clone(), after: new.clone() };
                    self.path_changes.push((tick.at, fact));
                }
                *old = Some(new);
            }
        };
        change(PathPart::Interface, &mut self.path.interface, tick.interface.clone());
        change(PathPart::OwnAddress, &mut self.path.own_address, own);
        let addresses = look::resolved(&seen.observations);
        if !addresses.is_empty() {
            let old = std::mem::replace(&mut self.path.addresses, addresses);
            let new = &self.path.addresses;
            // The addresses of a farm may come in turns.
            if !old.is_empty() && !old.iter().any(|address| new.contains(address)) {
                let (before, after) = (old.join(", "), new.join(", "));
                let fact = Fact::PathChange { part: PathPart::Addresses, before, after };
                self.path_changes.push((tick.at, fact));
            }
        }
        let moved = self.path_changes.len() > before;
        self.path_changes.truncate(MOST_KEPT);
        moved
    }

    /// Takes in a connection that was held, and what was seen of it; what there is to say of it.
    pub fn add_hold(&mut self, held: &Held, seen: Vec<Observation>, disturbed: bool) -> Idle {
        let at = Timestamp::now();
        let idle_ms = u64::try_from(held.silent.as_millis()).unwrap_or(u64::MAX);
        let fact = Fact::IdleHold {
            idle_ms,
            idle_outcome: held.outcome,
            ending: held.ending,
            fresh: held.fresh.clone(),
            disturbed,
        };
        if !disturbed {
            self.kept.add_held(held.outcome, seen, fact.clone());
        }
        self.holds.push((at, fact));
        let idle = Idle { at, idle_ms, outcome: held.outcome, disturbed };
        self.idles.push(idle.clone());
        idle
    }

    /// Everything that the watch came to: what the last try saw, and what all of them say together.
    pub fn observations(&self) -> Vec<Observation> {
        let mut all = self.last.as_ref().map(|last| self.in_watch_time(last)).unwrap_or_default();
        let mut facts: Vec<(Timestamp, Fact)> = self.periods.iter().map(Period::fact).collect();
        facts.extend(self.path_changes.iter().cloned());
        facts.extend(self.holds.iter().cloned());
        facts.extend(self.series());
        facts.sort_by_key(|(at, _)| *at);
        let mut connections = all.iter().filter_map(|o| o.connection).max().unwrap_or(0);
        for (at, fact) in facts {
            let held = self.kept.observations_of(&fact);
            connections = self.join_held(held, connections, &mut all);
            all.push(Observation {
                id: ObservationId::numbered(all.len() + 1),
                source: Source::Probe,
                stage: Stage::Network,
                at: Some(at),
                at_ms: self.since_start(at),
                origin: None,
                connection: None,
                fact,
            });
        }
        all
    }

    /// Adds what was seen of connections that were held, under numbers behind `taken`; the last one.
    fn join_held(&self, held: &[Observation], taken: u32, all: &mut Vec<Observation>) -> u32 {
        let mut last = taken;
        for observation in held {
            let mut observation = observation.clone();
            observation.id = ObservationId::numbered(all.len() + 1);
            observation.at_ms = observation.at.map_or(0, |at| self.since_start(at));
            observation.connection = observation.connection.map(|own| taken.saturating_add(own));
            if let Fact::Connection { number, .. } = &mut observation.fact {
                *number = taken.saturating_add(*number);
                last = last.max(*number);
            }
            all.push(observation);
        }
        last
    }

    fn since_start(&self, at: Timestamp) -> u64 {
        u64::try_from(at.millis_since(self.started_at)).unwrap_or(0)
    }

    /// The echo requests of all tries that worked as one series, which says more than each.
    fn series(&self) -> Option<(Timestamp, Fact)> {
        let works = |tick: &&Tick| matches!(tick.status, Status::Ok | Status::Degraded);
        let answered: Vec<&Tick> = self
            .ticks
            .iter()
            .filter(works)
            .filter(|tick| tick.echo_lost < tick.echo_sent && tick.round_trip_ms.is_some())
            .collect();
        let last = answered.last().filter(|_| answered.len() > 1)?;
        let mut trips: Vec<f64> = answered.iter().filter_map(|tick| tick.round_trip_ms).collect();
        trips.sort_by(f64::total_cmp);
        let fact = Fact::EchoSeries {
            address: last.address?,
            bytes: look::shortest_echo(self.last.as_ref()?)?,
            sent: answered.iter().map(|tick| tick.echo_sent).sum(),
            lost: answered.iter().map(|tick| tick.echo_lost).sum(),
            shortest_ms: trips.first().copied(),
            median_ms: trips.get(trips.len() / 2).copied(),
            longest_ms: trips.last().copied(),
            jitter_ms: None,
        };
        Some((last.at, fact))
    }
}

impl Period {
    fn fact(&self) -> (Timestamp, Fact) {
        let fact = Fact::WatchPeriod {
            state: self.state,
            from: self.from,
            until: self.until,
            ticks: self.ticks,
            at_stage: self.at_stage,
            cause: self.cause.clone(),
        };
        (self.until, fact)
    }
}

fn state(status: Status) -> WatchState {
    match status {
        Status::Ok => WatchState::Ok,
        Status::Degraded => WatchState::Degraded,
        Status::Failed => WatchState::Failed,
        Status::Unknown => WatchState::Unknown,
    }
}
