//! End to end: the lab, real servers and made networks on one side, the real command on the other.
//! One binary, since linking is what takes the time.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "all of it is tests; clippy allows these by itself only inside test functions"
)]

mod bastion;
mod bastion_freerdp;
#[cfg(target_os = "linux")]
mod capture;
#[cfg(target_os = "linux")]
mod capture_loss;
mod capture_ways;
mod collect;
mod compare;
mod direct_peers;
#[cfg(target_os = "linux")]
mod disk;
mod event_logs;
mod explain;
mod first_picture;
mod gateway;
#[cfg(target_os = "linux")]
mod gateway_ticket;
mod gnome;
mod host_causes;
mod host_facts;
mod host_rows;
mod host_ticket;
#[cfg(target_os = "linux")]
mod joined;
mod kerberos;
mod lab;
mod machine_rows;
mod many_attempts;
mod network;
mod network_capture;
mod network_own;
mod programs;
mod proxy;
mod proxy_sign_in;
mod rdp_file;
#[allow(dead_code, reason = "the tests under Wine need the rest of it")]
mod realm;
#[cfg(target_os = "linux")]
mod recorder;
#[cfg(target_os = "linux")]
mod remote;
mod remote_fix;
mod remote_kerberos;
mod repair;
mod servers;
mod sign_in;
#[cfg(target_os = "linux")]
mod story;
mod support;
mod tls_decrypt;
#[cfg(target_os = "linux")]
mod tshark;
mod udp;
mod usage;
mod watch;
mod what_blocks;
