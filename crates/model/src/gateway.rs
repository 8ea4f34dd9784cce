//! The words of facts about an RD Gateway (MS-TSGU).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How packets travel to a gateway and back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GatewayTransport {
    /// One connection that is upgraded (RFC 6455).
    #[serde(rename = "websocket")]
    WebSocket,
    /// Two connections: RDG_OUT_DATA and RDG_IN_DATA (MS-TSGU 2.2.3.1).
    Http,
    /// RPC over HTTP, all that gateways before Windows Server 2012 have.
    Rpc,
}

/// The steps that a gateway answers by number, in order (MS-TSGU 3.3.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GatewayStep {
    /// Versions.
    Handshake,
    /// NTLM inside packets (3.3.5.3).
    Authentication,
    /// The tunnel: who may come (the connection policy).
    Tunnel,
    /// Its authorisation.
    Authorization,
    /// The channel: to which host (the resource policy), and whether it answers.
    Channel,
    /// The channel's end, by the gateway.
    Close,
}
