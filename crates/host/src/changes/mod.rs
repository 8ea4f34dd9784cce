//! Repair with a way back: a plan, carried out under a journal, verified, taken back.
//!
//! ```text
//! proposals ──► plan ──► apply ──► verify ──► confirmed, or after a while rolled back
//!                │         │ before each change: state saved, on disk
//!              guard     journal ──► whoever starts next finishes, or goes back
//! ```
//!
//! What is proposed comes from the causes; whether it may be done at all, [`guard`] decides.

mod apply;
mod dead_man;
pub mod guard;
mod journal;
mod known;
mod normal;
mod offline;
mod perform;
mod plan;
mod rollback;
mod runs;
mod sddl;
mod sessions;
mod state;
mod told;
mod way_in;

pub use apply::{Applied, Handshake, Verifier, apply};
pub use dead_man::{Watch, Watched, confirm, take_back_what_is_overdue, watch};
pub use journal::{Began, Entry, Journal, JournalError, Outcome, Phase, Record};
pub use known::KnownFacts;
pub use offline::{command_files, offline, without_acts};
pub use plan::{chosen, drift, plan};
pub use rollback::{RolledBack, changed_since, roll_back};
pub use runs::{Lock, RunsError, StateFolder};
pub use state::{read as read_state, wanted};
pub use told::{Pace, Point};
