//! Evidence of several sources that may tell of the same thing: whether it does, and how their clocks
//! differ.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was held against a connection, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JoinedEvidence {
    /// What was held against the connection.
    pub evidence_of: JoinedSource,
    /// The computer that it is from, as it calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computer: Option<String>,
    /// Whether it was joined; if not, it decides nothing here.
    pub joined: bool,
    /// What says that both tell of the same, or that they do not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<JoinedBy>,
    /// By how many milliseconds its clock is ahead of the one that the connection was seen by; absent
    /// where no event is in both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_ahead_ms: Option<i64>,
    /// Events that are in both.
    #[serde(default)]
    pub common_events: u32,
    /// By how many milliseconds these differ among each other.
    #[serde(default)]
    pub spread_ms: u64,
    /// How old facts were at the time of the connection, in milliseconds; absent where that is not
    /// known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<u64>,
    /// How long after the connection facts were read, in milliseconds; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub later_ms: Option<u64>,
    /// Why it was not joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apart: Option<Apart>,
}

/// What is held against a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JoinedSource {
    /// Facts that were read on the host.
    HostFacts,
    /// Facts that were read on the client's machine.
    ClientFacts,
    /// The host's event log.
    HostLog,
    /// The client's event log.
    ClientLog,
}

/// By what evidence of two sources was held against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JoinedBy {
    /// The correlation id of the request (MS-RDPBCGR 2.2.1.1.2), which Windows logs as activity.
    Activity,
    /// The client's address and port.
    Port,
    /// The client's address.
    Address,
    /// The name that the host gives itself (NTLM).
    OwnName,
    /// The certificate itself.
    Certificate,
    /// The name in a certificate that the host made for itself.
    CertificateName,
    /// The address that answered, and those of the machine's adapters.
    HostAddress,
    /// The name that was asked for.
    AskedName,
    /// The name of the computer that wrote a log.
    Computer,
    /// The name that the client gives itself, in the host's log.
    ClientName,
}

/// Why evidence was not joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Apart {
    /// It is about another machine.
    OtherMachine,
    /// There is a newer one of the same machine.
    Older,
    /// No event is in both.
    NoCommonEvent,
    /// The events in both do not agree on one difference of the clocks.
    ClocksDisagree,
    /// It fits several.
    Ambiguous,
    /// Nothing says that both are about the same machine.
    Unknown,
}
