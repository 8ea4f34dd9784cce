//! What of a watch is kept whole beside the last try: what its verdict rests on. A watch of days has
//! thousands of tries, so that each of these has an end.

use rdpdoctor_model::{Fact, IdleOutcome, Observation, Stage};
use rdpdoctor_report::document::Status;

use super::Seen;

/// Kinds of tries with something wrong that are kept. Periods tell of all others.
const MOST_KINDS: usize = 8;

/// Tries and connections that prove something.
#[derive(Default)]
pub struct Kept {
    /// The first try of each kind with something wrong.
    kinds: Vec<Seen>,
    /// The last try before the path changed for the first time, and the first one behind.
    moved: Vec<Seen>,
    /// Connections held without a word: the last of each outcome that was answered, the first of
    /// each that was not.
    held: Vec<HeldConnection>,
}

/// What was seen of a connection that was held.
struct HeldConnection {
    outcome: IdleOutcome,
    observations: Vec<Observation>,
    fact: Fact,
}

/// What makes two failures one kind.
fn kind(seen: &Seen) -> (Status, Option<Stage>, Option<&str>) {
    (seen.tick.status, seen.tick.stage, seen.tick.cause.as_deref())
}

impl Kept {
    /// Takes in a try. `moved` says that it found another path than `before`.
    pub fn add(&mut self, seen: &Seen, before: Option<&Seen>, moved: bool) {
        let news = !self.kinds.iter().any(|kept| kind(kept) == kind(seen));
        if seen.tick.status != Status::Ok && news && self.kinds.len() < MOST_KINDS {
            self.kinds.push(seen.clone());
        }
        if moved && self.moved.is_empty() {
            self.moved.extend(before.cloned());
            self.moved.push(seen.clone());
        }
    }

    /// Takes in a connection that was held: `fact` says what came of it.
    pub fn add_held(&mut self, outcome: IdleOutcome, observations: Vec<Observation>, fact: Fact) {
        // How the connection went on the wire; what was said on it is of no interest.
        let told = |o: &Observation| {
            matches!(
                o.fact,
                Fact::Connection { .. } | Fact::TcpConnected { .. } | Fact::StreamEnded { .. }
            )
        };
        let observations = observations.into_iter().filter(told).collect();
        let held = HeldConnection { outcome, observations, fact };
        match self.held.iter_mut().find(|kept| kept.outcome == outcome) {
            // Ever longer silences are asked for: the last one that was survived is the longest.
            Some(kept) if outcome == IdleOutcome::Answered => *kept = held,
            Some(_) => {}
            None => self.held.push(held),
        }
    }

    /// The tries that are kept, with `good`, in the order of time and each once; `last` is kept
    /// elsewhere.
    pub fn tries<'a>(&'a self, good: Option<&'a Seen>, last: Option<&Seen>) -> Vec<&'a Seen> {
        let all = self.kinds.iter().chain(&self.moved).chain(good);
        let own = last.map(|last| last.tick.number);
        let mut all: Vec<&Seen> = all.filter(|seen| Some(seen.tick.number) != own).collect();
        all.sort_by_key(|seen| seen.tick.number);
        all.dedup_by_key(|seen| seen.tick.number);
        all
    }

    /// What was seen of the connection that came to `fact`.
    pub fn observations_of(&self, fact: &Fact) -> &[Observation] {
        let held = self.held.iter().find(|held| held.fact == *fact);
        held.map_or(&[], |held| &held.observations)
    }
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Ending, Lookup, Timestamp};
    use rdpdoctor_report::watch::Tick;

    use super::*;

    fn seen(number: u32, status: Status, cause: Option<&str>) -> Seen {
        let tick = Tick {
            number,
            at: Timestamp::now(),
            status,
            stage: None,
            cause: cause.map(str::to_owned),
            title: String::new(),
            address: None,
            own_address: None,
            interface: None,
            round_trip_ms: None,
            echo_sent: 0,
            echo_lost: 0,
            elapsed_ms: 1,
            changes: Vec::new(),
        };
        Seen { tick, observations: Vec::new() }
    }

    fn numbers(tries: &[&Seen]) -> Vec<u32> {
        tries.iter().map(|seen| seen.tick.number).collect()
    }

    #[test]
    fn the_first_of_each_kind_the_last_good_one_and_no_more() {
        let mut kept = Kept::default();
        let tries = [
            seen(1, Status::Ok, None),
            seen(2, Status::Failed, Some("net.refused")),
            seen(3, Status::Failed, Some("net.refused")),
            seen(4, Status::Failed, Some("net.no-answer")),
            seen(5, Status::Ok, None),
            seen(6, Status::Failed, Some("net.refused")),
        ];
        for one in &tries {
            kept.add(one, None, false);
        }
        assert_eq!(numbers(&kept.tries(Some(&tries[4]), Some(&tries[5]))), [2, 4, 5]);
        // What is kept elsewhere is not kept twice.
        assert_eq!(numbers(&kept.tries(Some(&tries[4]), Some(&tries[4]))), [2, 4]);
    }

    #[test]
    fn however_many_kinds_there_are_it_has_an_end() {
        let mut kept = Kept::default();
        for number in 1..1000 {
            let one = seen(number, Status::Failed, Some(&format!("net.cause-{number}")));
            kept.add(&one, Some(&seen(number - 1, Status::Ok, None)), true);
        }
        let tries = numbers(&kept.tries(None, None));
        // The try before the first change of the path, and the one behind it, which is a kind too.
        assert_eq!(tries, (0..=8).collect::<Vec<_>>());
    }

    #[test]
    fn of_held_connections_the_longest_survived_and_the_first_lost() {
        use IdleOutcome::{Answered, Silence};
        let fact = |idle_ms, idle_outcome| Fact::IdleHold {
            idle_ms,
            idle_outcome,
            ending: None::<Ending>,
            fresh: Lookup::Absent,
            disturbed: false,
        };
        let mut kept = Kept::default();
        for (idle_ms, outcome) in [(5, Answered), (10, Answered), (20, Silence), (15, Silence)] {
            kept.add_held(outcome, Vec::new(), fact(idle_ms, outcome));
        }
        let facts: Vec<_> = kept.held.iter().map(|held| held.fact.clone()).collect();
        assert_eq!(facts, [fact(10, Answered), fact(20, Silence)]);
    }
}
