use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Lookup;

/// A network interface of the machine that the check runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnInterface {
    /// Its name.
    pub interface: String,
    /// What it is.
    pub form: InterfaceForm,
    /// What the system calls its driver (`wireguard`, `tun`, `veth`), where it says so.
    pub driver: Option<String>,
    /// Whether it is switched on.
    pub up: bool,
    /// Whether its cable, its radio link or its program is there.
    pub carrier: bool,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

impl OwnInterface {
    /// Whether packets to other networks can leave by it: link-local addresses (RFC 3927, RFC 4291
    /// 2.5.6) reach nobody behind a router.
    pub fn is_usable(&self) -> bool {
        let reaches = |address: &IpAddr| match address {
            IpAddr::V4(address) => !address.is_link_local(),
            IpAddr::V6(address) => !address.is_unicast_link_local(),
        };
        self.up && self.carrier && self.addresses.iter().any(reaches)
    }
}

/// What an interface is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InterfaceForm {
    /// A cable or a radio, as far as this machine knows.
    Hardware,
    /// The near end of a VPN or of another tunnel.
    Tunnel,
    /// Something between parts of this machine: bridges, containers.
    Virtual,
    /// The machine itself.
    Loopback,
}

/// The way that packets to an address take out of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnWay {
    /// The interface's name.
    pub interface: String,
    /// What it is.
    pub form: InterfaceForm,
    /// The sender's address.
    pub source: Option<IpAddr>,
    /// The first router; none: the address is on the interface's own link.
    pub gateway: Option<IpAddr>,
    /// Whether that router, or the host where there is none, answers on the link.
    pub neighbour: Lookup<NeighbourState>,
}

/// What the table of neighbours says of an address (RFC 4861 7.3.2; for IPv4 by ARP).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NeighbourState {
    /// It answered, now or before.
    Answered,
    /// It is being asked.
    Asked,
    /// It did not answer.
    Silent,
    /// Nobody has to be asked on this link.
    Fixed,
}

/// A rule of this machine's own firewall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnRule {
    /// Family and table, as in `inet filter`.
    pub table: String,
    /// The chain.
    pub chain: String,
    /// The rule's number there; none: the chain's policy.
    pub handle: Option<u64>,
    /// Whether the packet vanishes or is answered.
    pub verdict: RuleVerdict,
}

/// What a rule does with a packet that must not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RuleVerdict {
    /// It vanishes.
    Drop,
    /// It is answered.
    Reject,
}
