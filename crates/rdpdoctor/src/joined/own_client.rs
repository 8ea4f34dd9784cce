//! The machine that a check runs on, where that is one of Windows: its settings are read beside the
//! connection, as another thread's work, and nobody waits for them.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rdpdoctor_host::{Side, collect_beside, observations};
use rdpdoctor_model::{Fact, Observation, ObservationId};

use crate::repair;

/// Facts that arrive while the check goes on.
pub struct OwnClient(Arc<Mutex<Vec<Fact>>>);

impl OwnClient {
    /// Begins to look; on other systems there is nothing to look at.
    pub fn begin() -> Self {
        let facts = Arc::<Mutex<Vec<Fact>>>::default();
        if cfg!(windows) {
            let kept = Arc::clone(&facts);
            // A thread of its own: a look that hangs shall hold nothing up.
            thread::spawn(move || {
                let Some(machine) = repair::this_machine() else { return };
                collect_beside(&*machine, |fact| {
                    kept.lock().unwrap_or_else(PoisonError::into_inner).push(fact);
                });
            });
        }
        Self(facts)
    }

    /// Puts what is there by now behind what was seen of the connection. What was not reached is as if
    /// nobody had asked.
    pub fn join(&self, observations_so_far: &mut Vec<Observation>) {
        let facts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for observation in observations(facts, Side::Client, None) {
            let id = ObservationId::numbered(observations_so_far.len() + 1);
            observations_so_far.push(Observation { id, ..observation });
        }
    }
}
