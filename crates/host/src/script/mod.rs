//! The collecting script: for a machine on which no program may be installed, or that nobody can
//! reach but a cloud's agent. It asks the questions of the checks and writes their answers.

pub mod cloud;
pub mod far;
mod frame;
mod parts;
mod read;
pub mod remote;
mod short;
mod source;

pub use parts::{AZURE, Collected, INTUNE, PartError, write as write_parts};
pub use read::{collected, has_parts, numbers};
pub use source::{Form, Order, source};
