//! Causes at the machine in front of the user: what its files and settings say.

pub mod app_blocked;
pub mod cache_corrupt;
pub mod credssp_outdated;
pub mod credssp_policy;
pub mod firewall_blocks;
pub mod gateway_settings;
pub mod nla_unsupported;
pub mod no_network;
pub mod ntlm_policy;
pub mod outdated;
pub mod rdp_file_fragile_settings;
pub mod rdp_file_invalid;
pub mod rdp_file_weakens_security;
pub mod saved_credentials;
pub mod tls_policy;
pub mod udp_policy;
pub mod update_regression;
pub mod vpn_path;
