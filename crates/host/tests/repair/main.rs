//! Plans, carried out and taken back, on machines that are made up.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "all of it is tests; clippy allows these by itself only inside test functions"
)]

#[path = "../common/mod.rs"]
mod common;

mod dead_man;
mod planning;
mod there_and_back;
