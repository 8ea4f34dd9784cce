use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the header of an IP packet tells of its sender and of the way it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PacketHead {
    /// TTL or hop limit as it arrived.
    pub hops: u8,
    /// Identification; IPv6 has none in every packet.
    pub id: Option<u16>,
}
