//! What the numbers mean that a Remote Desktop client shows, for `rdpdoctor explain`.
//!
//! - [`Table`] and [`Entry`]: the code tables with their sources, embedded from `data/*.csv`.
//! - [`PAIRS`] and [`ADVICE`]: what is known of a pair of numbers beyond its tables: what is only
//!   claimed of it, where it was really seen, which causes produce it, what not to do about it.
//! - [`parse_query`], [`parse_reported`], [`parse_dialog`]: what people type and paste.
//! - [`explain`] and [`tree`]: the answer, drawn from the tables and from the catalogue.
//!
//! The tables keep the word `unverified` where nobody has checked a row against its source.

mod advice;
mod dialog;
mod events;
mod explain;
mod ids;
mod near;
mod pairs;
mod query;
mod table;
mod tree;

pub use advice::{ADVICE, Advice};
pub use dialog::parse_dialog;
pub use events::{EventRow, event, events, load_events};
pub(crate) use explain::rows;
pub use explain::{Check, Explanation, Meaning, PossibleCause, Role, explain, in_general};
pub use ids::{CAUSE_IDS, cause_id};
pub use near::{Near, NearReason};
pub use pairs::{
    Claim, ClaimVerdict, Confidence, PAIRS, Pair, Prediction, Report, Suspect, pairs_of,
};
pub use query::{Query, QueryError, parse_query, parse_reported};
pub use table::{Entry, Table, TableError, Verification, entries, load, lookup, name_of, named};
pub use tree::{Fork, Outcome, StageBranch, Tree, tree};
