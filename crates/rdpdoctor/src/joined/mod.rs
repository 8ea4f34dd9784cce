//! Evidence of several sources, put together where it tells of the same thing, and kept apart, with the
//! reason, where it does not.

mod facts;
mod incident;
mod own_client;

use rdpdoctor_host::Side;
use rdpdoctor_model::{
    Fact, JoinedEvidence, Observation, ObservationId, Origin, Source, StageOutcome,
};

pub use facts::{SideFacts, join_machines};
pub use incident::{join as join_incident, join_logs};
pub use own_client::OwnClient;

/// What came of holding evidence against a connection, as an observation beside that side's.
fn said(
    number: usize,
    side: Side,
    source: Source,
    file: Option<&str>,
    said: JoinedEvidence,
) -> Observation {
    Observation {
        id: ObservationId::numbered(number),
        source,
        stage: side.stage(),
        at: None,
        at_ms: 0,
        origin: file.map(|file| Origin { file: file.to_owned(), frame: None }),
        connection: None,
        fact: Fact::JoinedEvidence(Box::new(said)),
    }
}

/// That evidence about one side is not used, and why.
pub fn not_used(number: usize, side: Side, source: Source, why: &str) -> Observation {
    Observation {
        id: ObservationId::numbered(number),
        source,
        stage: side.stage(),
        at: None,
        at_ms: 0,
        origin: None,
        connection: None,
        fact: Fact::StageEnded {
            outcome: StageOutcome::Skipped,
            reason: Some(format!("not used: {why}")),
            elapsed_ms: 0.0,
        },
    }
}
