//! Causes in the name and its addresses.

pub mod broken_ipv6;
pub mod client_differs;
pub mod hosts_override;
pub mod name_not_found;
pub mod no_address;
pub mod other_name;
pub mod resolver_failed;
pub mod stale_address;
