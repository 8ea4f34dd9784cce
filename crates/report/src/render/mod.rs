//! What a document looks like to people.

pub mod comparison;
pub mod explain;
pub mod html;
pub mod terminal;
pub mod text;
pub mod watch;
mod words;
