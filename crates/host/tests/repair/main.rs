//! Plans, carried out and taken back, on machines that are made up.

#[path = "../common/mod.rs"]
mod common;

mod dead_man;
mod planning;
mod there_and_back;
