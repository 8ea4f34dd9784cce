//! Captures made here, packet by packet: what is read of them.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "all of it is tests; clippy allows these by itself only inside test functions"
)]

mod beside;
mod connections;
mod crowd;
mod hostile;
mod links;
mod writer;
