//! What a Windows event log says.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An entry of a Windows event log that concerns Remote Desktop. Provider and number say what it is,
/// never its text, which is written in the language of the host. Only the fields that matter are
/// taken, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WindowsEvent {
    /// Who wrote it.
    pub provider: String,
    /// Its number among the provider's events.
    pub event_id: u32,
    /// The log it stands in.
    pub channel: String,
    /// The computer it was written on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computer: Option<String>,
    /// The activity it belongs to: one connection, as a rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity: Option<String>,
    /// The account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The account's domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The other side's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The port behind that address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The other side's own name for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workstation: Option<String>,
    /// The server that a client connects to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// The session's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<u32>,
    /// LogonType: 3 from the network, 7 unlock or reconnection, 10 Remote Desktop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logon_type: Option<u32>,
    /// The package that checked the account (NTLM, Kerberos, Negotiate).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// Status, an NTSTATUS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u32>,
    /// SubStatus, an NTSTATUS that says more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_status: Option<u32>,
    /// The reason of a disconnection; what it counts depends on the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<u32>,
    /// An error's number: HRESULT, NTSTATUS or Windows' own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<u32>,
    /// Schannel's internal error state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_error_state: Option<u32>,
    /// A TLS alert's description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<u32>,
    /// A certificate's SHA-1 fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbprint: Option<String>,
    /// The service's short name, the same in every language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The program that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// By how many milliseconds the computer's clock was set forward; negative when it was set back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_set_ms: Option<i64>,
}

impl WindowsEvent {
    /// Whether it is one of these events of this provider.
    pub fn is(&self, provider: &str, ids: &[u32]) -> bool {
        self.provider == provider && ids.contains(&self.event_id)
    }
}
