//! A watch: one entry a try, and what they come to together.

use std::net::IpAddr;

use rdpdoctor_model::{Fact, Observation, Stage, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document::{Attempt, Status};
use crate::{Document, Masker, harmless};

/// Whether these tell of a watch.
pub fn is_watch(observations: &[Observation]) -> bool {
    observations.iter().any(|o| matches!(o.fact, Fact::WatchPeriod { .. }))
}

/// The tries that a watch keeps in front of itself; none of any other document.
pub(crate) fn earlier_tries(document: &Document) -> &[Attempt] {
    match document.attempts.as_slice() {
        [tries @ .., _] if is_watch(&document.observations) => tries,
        _ => &[],
    }
}

/// One line of `watch --json`. The last line of all is a document instead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum WatchEvent {
    /// A try.
    Tick(Tick),
    /// A connection was held without a word, and spoken on.
    Idle(Idle),
}

/// What one try came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tick {
    /// Its number, from 1.
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
    /// Whether a connection could be made.
    pub status: Status,
    /// Where it failed or suffered.
    pub stage: Option<Stage>,
    /// The cause that was found.
    pub cause: Option<String>,
    /// One line that a person understands.
    pub title: String,
    /// The address that answered.
    pub address: Option<IpAddr>,
    /// This machine's address on the connection.
    pub own_address: Option<IpAddr>,
    /// The interface that has it.
    pub interface: Option<String>,
    /// Round trip in milliseconds: of the echo requests, else of the TCP handshake.
    pub round_trip_ms: Option<f64>,
    /// Echo requests that were sent.
    pub echo_sent: u32,
    /// Echo requests that were lost of them.
    pub echo_lost: u32,
    /// How long the try took.
    pub elapsed_ms: u64,
    /// What differs from the try before, or, when it works again, from the last one that worked.
    pub changes: Vec<Change>,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// Where it shows.
    pub stage: Stage,
    /// What it is.
    pub aspect: String,
    /// What it was.
    pub before: String,
    /// What it is now.
    pub after: String,
}

/// What came of a silence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Idle {
    /// When it was spoken on.
    pub at: Timestamp,
    /// For how long nothing was said.
    pub idle_ms: u64,
    /// `answered`, `silence`, `reset`, `ended-meanwhile`.
    pub outcome: rdpdoctor_model::IdleOutcome,
    /// Whether anything else failed or changed meanwhile.
    pub disturbed: bool,
}

impl WatchEvent {
    /// The event on one line.
    ///
    /// # Errors
    /// None that an event can cause; serialising is fallible by its type.
    pub fn to_json_line(&self) -> Result<String, serde_json::Error> {
        let mut text = harmless::json(&serde_json::to_string(self)?);
        text.push('\n');
        Ok(text)
    }

    /// The same with names and addresses replaced by what `masker` has for them.
    #[must_use]
    pub fn masked(self, masker: &Masker) -> Self {
        match self {
            Self::Tick(tick) => Self::Tick(tick.masked(masker)),
            Self::Idle(idle) => Self::Idle(idle),
        }
    }
}

impl Tick {
    fn masked(mut self, masker: &Masker) -> Self {
        let address = |address: IpAddr| masker.text(&address.to_string()).parse().ok();
        self.title = masker.text(&self.title);
        self.address = self.address.and_then(address);
        self.own_address = self.own_address.and_then(address);
        for change in &mut self.changes {
            change.before = masker.text(&change.before);
            change.after = masker.text(&change.after);
        }
        self
    }
}
