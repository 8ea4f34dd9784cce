//! The RD Gateway between the client and the host.

pub mod auth_rejected;
pub mod certificate;
pub mod connection_policy_denied;
pub mod error;
pub mod limit_reached;
pub mod not_a_gateway;
pub mod resource_policy_denied;
pub mod second_factor;
pub mod target_unreachable;
pub mod timeout;
pub mod tls_terminated;
pub mod transport_blocked;
pub mod unreachable;
