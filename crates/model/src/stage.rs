use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The stages of a connection in the order in which a client passes them, then what stands beside
/// it (`udp`, `network`) and the facts read on a machine (`host`, `client`).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Reading the `.rdp` file.
    RdpFile,
    /// SOCKS or HTTP CONNECT proxy.
    Proxy,
    /// RD Gateway (MS-TSGU).
    Gateway,
    /// Name to addresses.
    Dns,
    /// The TCP connection.
    Tcp,
    /// X.224 Connection Request and Confirm with the security negotiation (MS-RDPBCGR 1.3.1.1).
    X224,
    /// The TLS handshake and the certificate (MS-RDPBCGR 5.4.5).
    Tls,
    /// CredSSP, also called Network Level Authentication (MS-CSSP).
    CredSsp,
    /// MCS Connect and channels (MS-RDPBCGR 1.3.1.1, T.125).
    Mcs,
    /// Licensing (MS-RDPELE).
    Licensing,
    /// Capabilities, finalisation, logon.
    Session,
    /// The first picture.
    Desktop,
    /// RDP over UDP (MS-RDPEUDP), beside the main path.
    Udp,
    /// Measurements of the path, beside the main path.
    Network,
    /// Facts read on the Windows host.
    Host,
    /// Facts read on the machine in front of the user.
    Client,
}

impl Stage {
    /// All stages, in order.
    pub const ALL: [Self; 16] = [
        Self::RdpFile,
        Self::Proxy,
        Self::Gateway,
        Self::Dns,
        Self::Tcp,
        Self::X224,
        Self::Tls,
        Self::CredSsp,
        Self::Mcs,
        Self::Licensing,
        Self::Session,
        Self::Desktop,
        Self::Udp,
        Self::Network,
        Self::Host,
        Self::Client,
    ];

    /// The identifier as the contract spells it.
    pub fn id(self) -> &'static str {
        match self {
            Self::RdpFile => "rdpfile",
            Self::Proxy => "proxy",
            Self::Gateway => "gateway",
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::X224 => "x224",
            Self::Tls => "tls",
            Self::CredSsp => "credssp",
            Self::Mcs => "mcs",
            Self::Licensing => "licensing",
            Self::Session => "session",
            Self::Desktop => "desktop",
            Self::Udp => "udp",
            Self::Network => "network",
            Self::Host => "host",
            Self::Client => "client",
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::Stage;

    #[test]
    fn ids_are_the_serialised_names_and_order_is_declaration_order() {
        for stage in Stage::ALL {
            let json = serde_json::to_value(stage).expect("a stage serialises");
            assert_eq!(json, stage.id());
        }
        assert!(Stage::ALL.is_sorted());
    }
}
