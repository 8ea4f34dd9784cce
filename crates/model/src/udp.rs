use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Hex, Icmp, Lookup};

/// What came for a SYN of RDP over UDP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum UdpReply {
    /// A SYN+ACK (MS-RDPEUDP 3.1.5.1.3).
    SynAck {
        /// uUdpVer: 1, 2, or 0x101 for version 3; none where it is not told.
        version: Option<u16>,
        /// uUpStreamMtu.
        upstream_mtu: u16,
        /// uDownStreamMtu.
        downstream_mtu: u16,
    },
    /// An error of the network: port unreachable, administratively prohibited, no way there.
    Rejected {
        /// The ICMP message, where the system lets one see it.
        icmp: Lookup<Icmp>,
        /// The system's error number.
        os_error: Option<i32>,
    },
    /// A datagram that is no SYN+ACK to this SYN.
    Malformed {
        /// Its first bytes.
        bytes: Hex,
    },
    /// Nothing, for as long as was waited.
    Silence,
    /// The rest of the check was done first; nobody waited for more.
    NotAwaited,
}
