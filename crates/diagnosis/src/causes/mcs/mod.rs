//! Causes in the set-up of the session (T.125).

pub mod closed;
pub mod malformed;
pub mod refused;
pub mod timeout;
