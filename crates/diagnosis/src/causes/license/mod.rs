//! Causes in licensing (MS-RDPELE).

pub mod client_rejected;
pub mod error;
pub mod grace_expired;
pub mod host_not_licensed;
pub mod no_license;
pub mod no_server;
pub mod protocol_error;
pub mod timeout;
