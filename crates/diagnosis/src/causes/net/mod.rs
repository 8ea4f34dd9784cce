//! Causes on the way to the port: routing, firewalls, and what listens there.

pub mod closed_on_accept;
pub mod exposed_to_internet;
pub mod high_latency;
pub mod host_unreachable;
pub mod idle_cut;
pub mod interrupted;
pub mod middlebox_reset;
pub mod mtu_blackhole;
pub mod no_answer;
pub mod packet_loss;
pub mod path_changed;
pub mod port_blocked;
pub mod prohibited;
pub mod proxy_auth;
pub mod proxy_refused;
pub mod refused;
pub mod self_connection;
pub mod silent_listener;
pub mod wrong_service;
