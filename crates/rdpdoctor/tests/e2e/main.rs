//! End to end: the lab, real servers and made networks on one side, the real command on the other.
//! One binary, since linking is what takes the time.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "all of it is tests; clippy allows these by itself only inside test functions"
)]

mod explain;
mod gateway;
mod kerberos;
mod lab;
mod network;
mod programs;
mod servers;
mod sign_in;
mod support;
mod usage;
