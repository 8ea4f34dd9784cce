//! What a document looks like to people.

mod attempts;
pub mod comparison;
pub mod explain;
pub mod html;
pub mod plan;
mod plan_words;
mod sessions;
pub mod terminal;
pub mod text;
pub mod watch;
mod words;
