//! What words: the JSON document of a diagnosis and everything that is rendered from it.
//!
//! [`Document`] is the contract with other programs; its types live apart from those that judge, so
//! that either may change without the other. Every renderer takes a document and nothing else, so
//! that a masked one is masked everywhere and a saved one can be shown again.

pub mod comparison;
mod connections;
pub mod document;
mod harmless;
mod mask;
pub mod render;
pub mod repair;
mod schema;
mod summary;
#[cfg(test)]
mod testing;
pub mod watch;

pub use comparison::ComparisonDocument;
pub use document::{Document, Engine, RunContext};
pub use mask::{MaskError, Masker};
pub use repair::{CommandFiles, RepairDocument, RepairOutcome, WrittenFiles};
pub use schema::{comparison_schema, repair_schema, schema, watch_schema};
pub use summary::stage_label;
