//! For how long connections are held without a word: ever longer, and once one was forgotten,
//! between what was survived and what was not.

use std::time::Duration;

use rdpdoctor_model::IdleOutcome;
use rdpdoctor_probe::Held;

/// The first silence.
const FIRST: Duration = Duration::from_secs(5);

/// Speaking and the new connection behind it may take so long.
const SPEAKING: Duration = Duration::from_secs(20);

/// Connections that are held in one watch at most.
const MOST: u32 = 24;

/// So many that were forgotten are proof enough.
const ENOUGH: u32 = 3;

/// The longest silence that was survived and the shortest that was not are close enough.
const CLOSE: f64 = 1.15;

/// What is known so far.
#[derive(Debug, Default)]
pub struct IdlePlan {
    held: u32,
    cuts: u32,
    survived: Option<Duration>,
    cut: Option<Duration>,
    over: bool,
}

impl IdlePlan {
    /// The next silence, where one fits into what is left of the watch.
    pub fn next(&self, left: Duration) -> Option<Duration> {
        if self.over || self.held >= MOST || self.cuts >= ENOUGH {
            return None;
        }
        let next = match (self.survived, self.cut) {
            (None, None) => FIRST,
            // Not even the first was survived: there is nothing to compare with.
            (None, Some(_)) => return None,
            (Some(survived), None) => survived * 2,
            (Some(survived), Some(cut)) => {
                let close = cut.as_secs_f64() < survived.as_secs_f64() * CLOSE;
                // Once more the same, so that it was no accident.
                if close { cut } else { (survived + cut) / 2 }
            }
        };
        (next + SPEAKING <= left).then_some(next)
    }

    /// Takes in what came of one; what was disturbed says nothing and is held again.
    pub fn add(&mut self, held: Option<&Held>, asked: Duration, disturbed: bool) {
        self.held += 1;
        let Some(held) = held else {
            // Nothing to hold: it fails now, or takes no TLS.
            self.over = !disturbed;
            return;
        };
        match held.outcome {
            _ if disturbed => {}
            IdleOutcome::Answered => {
                self.survived = Some(self.survived.unwrap_or(asked).max(asked));
            }
            IdleOutcome::Silence | IdleOutcome::Reset => {
                self.cuts += 1;
                self.cut = Some(self.cut.unwrap_or(asked).min(asked));
            }
            // Its own limit for those who do not sign in: longer silences cannot be had.
            IdleOutcome::EndedMeanwhile => self.over = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rdpdoctor_model::{IdleOutcome, Lookup};
    use rdpdoctor_probe::Held;

    use super::IdlePlan;

    const HOUR: Duration = Duration::from_secs(3600);

    fn held(silent: Duration, outcome: IdleOutcome) -> Held {
        Held { silent, outcome, ending: None, fresh: Lookup::Absent }
    }

    /// Walks the plan against a path that forgets after so many seconds; the silences asked for.
    fn walked(forgets_after: u64, left: Duration) -> Vec<u64> {
        let mut plan = IdlePlan::default();
        let mut asked = Vec::new();
        while let Some(next) = plan.next(left) {
            asked.push(next.as_secs());
            let outcome = match next.as_secs() > forgets_after {
                true => IdleOutcome::Silence,
                false => IdleOutcome::Answered,
            };
            plan.add(Some(&held(next, outcome)), next, false);
        }
        asked
    }

    #[test]
    fn it_grows_until_one_is_forgotten_and_then_looks_between() {
        assert_eq!(walked(60, HOUR), [5, 10, 20, 40, 80, 60, 70, 65]);
        // Nothing forgets: until nothing fits any more.
        assert_eq!(walked(10_000, Duration::from_secs(100)), [5, 10, 20, 40, 80]);
        assert_eq!(walked(1, HOUR), [5], "nothing was survived");
        assert!(walked(60, Duration::from_secs(24)).is_empty());
    }

    #[test]
    fn the_servers_own_limit_ends_it_and_a_disturbance_does_not() {
        let mut plan = IdlePlan::default();
        let (first, ten) = (Duration::from_secs(5), Duration::from_secs(10));
        plan.add(Some(&held(first, IdleOutcome::Answered)), first, false);
        plan.add(Some(&held(ten, IdleOutcome::Silence)), ten, true);
        assert_eq!(plan.next(HOUR), Some(ten));
        plan.add(Some(&held(first, IdleOutcome::EndedMeanwhile)), ten, false);
        assert_eq!(plan.next(HOUR), None);
    }
}
