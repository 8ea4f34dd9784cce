//! What a cloud lets in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whose cloud it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cloud {
    /// Microsoft Azure: network security groups.
    Azure,
    /// Amazon Web Services: security groups.
    Aws,
    /// Google Cloud: firewall rules.
    Gcp,
}

impl Cloud {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Azure => "Azure",
            Self::Aws => "AWS",
            Self::Gcp => "Google Cloud",
        }
    }
}

/// A rule about connections that come in to the port of Remote Desktop over TCP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CloudRule {
    /// Whose cloud it is.
    pub cloud: Cloud,
    /// The group or network it stands in.
    pub group: String,
    /// Its name.
    pub rule: String,
    /// Whether it lets connections in or turns them away.
    pub allows: bool,
    /// Its rank: the lowest number is looked at first. Groups of AWS have none.
    pub priority: Option<u32>,
    /// From where, as the cloud writes it.
    pub sources: Vec<String>,
    /// Whether that is everywhere.
    pub from_everywhere: bool,
    /// Whether it goes for some machines of the network only, by tag or account.
    pub for_some_only: bool,
    /// Whether the cloud itself said that this rule decides.
    pub decides: bool,
}
