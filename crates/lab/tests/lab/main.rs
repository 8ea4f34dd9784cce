//! Every fault shows what it says it does, to a client that knows nothing of the lab's inside.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "clippy knows test functions, not the functions that tests share"
)]

mod certificates;
mod client;
mod conversations;
mod limits;
mod session;
mod sign_in;
mod walks;
