//! Where and how the file makes a client connect.

use rdpdoctor_model::{DEFAULT_PORT, GatewayUse, Target};

use super::RdpFile;
use super::problems::address_setting;

/// The port of an RD Gateway where none is named.
pub(super) const GATEWAY_PORT: u16 = 443;

/// Bytes of routing information that fit into a connection request: its length is one byte, and
/// behind the token come its line end and the negotiation request (MS-RDPBCGR 2.2.1.1, X.224 13.2).
pub(super) const LONGEST_ROUTING: usize = 238;

/// Where and how to connect, as `mstsc` takes it from the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The computer.
    pub target: Target,
    /// The gateway, where one is named and wanted.
    pub gateway: Option<Gateway>,
    /// requestedProtocols (MS-RDPBCGR 2.2.1.1.1), where the file asks for others than usual.
    pub requested_protocols: Option<u32>,
    /// What the connection request carries for a load balancer or broker.
    pub routing: Option<Vec<u8>>,
    /// The connection begins with TLS and CredSSP, without asking first (MS-RDPBCGR 5.4.2.2).
    pub direct: bool,
}

/// The RD Gateway that the file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// When it is wanted.
    pub usage: GatewayUse,
}

impl RdpFile {
    /// Where and how to connect; none when the file names no computer that can be one. `input` is
    /// what the user typed.
    pub fn way(&self, input: &str) -> Option<Way> {
        let (_, address) = address_setting(self)?;
        let mut target: Target = address.parse().ok()?;
        if let Some((_, None)) = host_and_port(address) {
            target.port = self.server_port().unwrap_or(DEFAULT_PORT);
        }
        input.clone_into(&mut target.input);
        Some(Way {
            target,
            gateway: self.gateway().filter(|gateway| gateway.usage != GatewayUse::Never),
            requested_protocols: self.requested_protocols(),
            routing: self.text("loadbalanceinfo").and_then(routing),
            direct: self.is_direct(),
        })
    }

    /// The gateway that is named, whether it is wanted or not.
    pub fn gateway(&self) -> Option<Gateway> {
        let (host, port) = gateway_host(self.text("gatewayhostname")?, GATEWAY_PORT)?;
        Some(Gateway { host, port, usage: gateway_use(self) })
    }

    fn server_port(&self) -> Option<u16> {
        self.number("server port").and_then(|port| u16::try_from(port).ok()).filter(|&p| p != 0)
    }

    /// Without negotiation the client takes NLA or nothing
    /// (IMsRdpClientNonScriptable3::NegotiateSecurityLayer); MS-RDPBCGR 5.4.2.2 knows no other
    /// protocol to begin with, so that `enablecredsspsupport:i:0` has something left to negotiate.
    fn is_direct(&self) -> bool {
        self.number("enablecredsspsupport") != Some(0)
            && self.number("negotiate security layer") == Some(0)
    }

    /// `enablecredsspsupport:i:0` leaves TLS alone on offer, and the direct approach CredSSP.
    fn requested_protocols(&self) -> Option<u32> {
        const TLS: u32 = 1;
        const CREDSSP: u32 = 2;
        match self.number("enablecredsspsupport") {
            Some(0) => Some(TLS),
            _ => self.is_direct().then_some(CREDSSP),
        }
    }
}

/// When the gateway is wanted; 0 and 4 both mean never.
pub(super) fn gateway_use(file: &RdpFile) -> GatewayUse {
    match file.number("gatewayusagemethod") {
        Some(1) => GatewayUse::Always,
        Some(2) => GatewayUse::WhenNeeded,
        Some(3) => GatewayUse::ClientDefault,
        _ => GatewayUse::Never,
    }
}

/// The address as host and port, where it is a target; the port only where it stands there.
pub(super) fn host_and_port(address: &str) -> Option<(String, Option<u16>)> {
    let target: Target = address.parse().ok()?;
    let written = address.trim().ends_with(&format!(":{}", target.port));
    // `fd00::3389` ends so as well.
    let port =
        (written && (!target.host.contains(':') || address.contains(']'))).then_some(target.port);
    Some((target.host, port))
}

/// A gateway's host and port.
pub(super) fn gateway_host(text: &str, default: u16) -> Option<(String, u16)> {
    let (host, port) = host_and_port(text)?;
    Some((host, port.unwrap_or(default)))
}

/// The bytes for the connection request. They end with the line's end, so they hold none.
fn routing(info: &str) -> Option<Vec<u8>> {
    let fits = info.len() <= LONGEST_ROUTING && !info.chars().any(char::is_control);
    fits.then(|| info.as_bytes().to_vec())
}
