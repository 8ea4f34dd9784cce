//! Causes in the cloud around the host.

pub mod rule_blocks;
