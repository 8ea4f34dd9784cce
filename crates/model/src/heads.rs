use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A key exchange with long keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LongOffer {
    /// TLS 1.2 with Diffie-Hellman over long numbers (RFC 5246 7.4.3, RFC 7919).
    Dhe,
    /// TLS 1.3 with X25519MLKEM768 (draft-ietf-tls-ecdhe-mlkem).
    PostQuantum,
}

/// What the header of an IP packet tells of its sender and of the way it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PacketHead {
    /// TTL or hop limit as it arrived.
    pub hops: u8,
    /// Identification; IPv6 has none in every packet.
    pub id: Option<u16>,
}
