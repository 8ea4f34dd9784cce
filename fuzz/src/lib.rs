//! What the targets share: two directions of a connection in one input, and a machine's facts.

mod machine;
mod ops;

pub use machine::{Folder, judged, questioned, quiet_panics, sparse};
pub use ops::{Op, ops};
