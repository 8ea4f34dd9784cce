//! What a document looks like to people.

pub mod terminal;
pub mod text;
mod words;
