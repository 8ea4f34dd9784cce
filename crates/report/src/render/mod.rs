//! What a document looks like to people.

mod attempts;
pub mod explain;
pub mod html;
pub mod terminal;
pub mod text;
mod words;
