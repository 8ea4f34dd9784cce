//! What a document looks like to people.

pub mod comparison;
pub mod explain;
pub mod html;
pub mod terminal;
pub mod text;
mod words;
