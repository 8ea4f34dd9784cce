use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rdpdoctor_model::{Fact, Observation, ObservationId, Source, Stage, Timestamp, Transport};

/// Where one check writes down what it sees. Shared by its parts; read at any time, so that a
/// check that is stopped keeps what was seen.
#[derive(Debug)]
pub struct Journal {
    started: Instant,
    started_at: Timestamp,
    entries: Mutex<Vec<Entry>>,
    connections: Mutex<u32>,
    flows: Mutex<HashSet<Flow>>,
}

/// One of the check's own connections, by which its packets are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Flow {
    pub(crate) transport: Transport,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
}

#[derive(Debug)]
struct Entry {
    at_ms: f64,
    stage: Stage,
    connection: Option<u32>,
    fact: Fact,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            started_at: Timestamp::now(),
            entries: Mutex::default(),
            connections: Mutex::default(),
            flows: Mutex::default(),
        }
    }
}

impl Journal {
    /// When the check began.
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// Milliseconds since then.
    pub fn elapsed_ms(&self) -> f64 {
        self.started.elapsed().as_secs_f64() * 1000.0
    }

    /// The same as a whole number.
    pub fn elapsed_whole_ms(&self) -> u64 {
        whole(self.elapsed_ms())
    }

    /// Writes down a fact seen now.
    pub(crate) fn note(&self, stage: Stage, connection: Option<u32>, fact: Fact) {
        self.note_at(self.elapsed_ms(), stage, connection, fact);
    }

    /// Writes down a fact seen earlier.
    pub(crate) fn note_at(&self, at_ms: f64, stage: Stage, connection: Option<u32>, fact: Fact) {
        lock(&self.entries).push(Entry { at_ms, stage, connection, fact });
    }

    /// A socket of the check's own was opened between these.
    pub(crate) fn opened(&self, transport: Transport, local: SocketAddr, remote: SocketAddr) {
        lock(&self.flows).insert(Flow { transport, local, remote });
    }

    /// All of them.
    #[cfg(target_os = "linux")]
    pub(crate) fn flows(&self) -> HashSet<Flow> {
        lock(&self.flows).clone()
    }

    /// The number of the next connection.
    pub(crate) fn next_connection(&self) -> u32 {
        let mut count = lock(&self.connections);
        *count += 1;
        *count
    }

    /// What was seen so far, in the order of time.
    pub fn observations(&self) -> Vec<Observation> {
        let mut entries: Vec<_> = lock(&self.entries)
            .iter()
            .map(|entry| (entry.at_ms, entry.stage, entry.connection, entry.fact.clone()))
            .collect();
        entries.sort_by(|a, b| a.0.total_cmp(&b.0));
        entries
            .into_iter()
            .enumerate()
            .map(|(index, (at_ms, stage, connection, fact))| {
                let at_ms = whole(at_ms);
                Observation {
                    id: ObservationId::numbered(index + 1),
                    source: Source::Probe,
                    stage,
                    at: Some(self.started_at.plus_millis(i64::try_from(at_ms).unwrap_or(i64::MAX))),
                    at_ms,
                    origin: None,
                    connection,
                    fact,
                }
            })
            .collect()
    }
}

/// Milliseconds as a whole number; a check lasts far less than 2^53 of them.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range")]
fn whole(milliseconds: f64) -> u64 {
    milliseconds.clamp(0.0, 9e15) as u64
}

/// A panic in one part must not silence the others: the list is whole whenever it is unlocked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
