//! What a Windows client keeps for itself: the hosts file, its defaults, the beginnings of its files.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Hex, Lookup};

/// A hosts file, its comments left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WindowsHosts {
    /// Its path.
    pub path: String,
    /// Its entries, the first ones; absent when there is no such file.
    pub entries: Lookup<Vec<HostsEntry>>,
}

/// One line of a hosts file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostsEntry {
    /// Where the names lead.
    pub address: IpAddr,
    /// The names.
    pub host_names: Vec<String>,
}

/// A file of settings that the client keeps for itself (`Default.rdp`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClientDefaults {
    /// Its path.
    pub path: String,
    /// What is in it; absent when there is no such file.
    pub settings: Lookup<DefaultSettings>,
}

/// What such a file says, without users and passwords.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DefaultSettings {
    /// Bytes in it.
    pub length: u64,
    /// Lines that are settings, `name:type:value`.
    pub understood: u32,
    /// Lines that are none, empty ones left out.
    pub broken: u32,
    /// `full address`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_address: Option<String>,
    /// `server port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_port: Option<i64>,
    /// `gatewayhostname`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_name: Option<String>,
    /// `gatewayusagemethod`: 0 and 4 never, 1 always, 2 where the direct way fails, 3 as set up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_usage: Option<i64>,
    /// `enablecredsspsupport`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credssp_support: Option<i64>,
    /// `authentication level`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication_level: Option<i64>,
}

/// How a file begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileHead {
    /// Its path.
    pub path: String,
    /// Its first bytes, 16 at most; absent when there is no such file.
    pub bytes: Lookup<Hex>,
}
