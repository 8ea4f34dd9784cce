//! Causes at the machine in front of the user: what its files and settings say.

pub mod firewall_blocks;
pub mod no_network;
pub mod rdp_file_fragile_settings;
pub mod rdp_file_invalid;
pub mod rdp_file_weakens_security;
pub mod vpn_path;
