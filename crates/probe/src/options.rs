//! What a check shall do, and how long it may take.

use std::sync::Arc;
use std::time::Duration;

use rdpdoctor_model::Stage;

use crate::gateway::Gateway;
use crate::proxy::Proxy;
use crate::sign_in::SignIn;
use crate::stages;

/// What a check shall do.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    /// requestedProtocols of the first Connection Request (MS-RDPBCGR 2.2.1.1.1).
    pub requested_protocols: u32,
    /// Whose TLS the connection to the host has.
    pub engine: Engine,
    /// What is asked beside the main path.
    pub side: SideQuestions,
    /// How long each stage may take.
    pub deadlines: Deadlines,
    /// Who signs in; none: the check ends before.
    pub sign_in: Option<SignIn>,
    /// How many echo requests measure the path; none: a dozen, as far as they cost no time.
    pub samples: Option<u16>,
    /// Whether the routers on the way are asked for.
    pub trace: bool,
    /// What the connection request carries for a load balancer, as an `.rdp` file has it.
    pub routing: Option<Vec<u8>>,
    /// Whether it begins with TLS and CredSSP, as an `.rdp` file may ask for.
    pub direct: bool,
    /// The proxy to go through.
    pub proxy: Option<Proxy>,
    /// The RD Gateway to go through; none: straight to the host.
    pub gateway: Option<Gateway>,
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self {
            requested_protocols: stages::x224::MSTSC_OFFER,
            engine: Engine::Portable,
            side: SideQuestions::Few,
            deadlines: Deadlines::default(),
            sign_in: None,
            samples: None,
            trace: false,
            routing: None,
            direct: false,
            proxy: None,
            gateway: None,
        }
    }
}

/// Whose TLS the connection to the host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A library's that goes by no setting of the machine, the same on every system.
    Portable,
    /// The system's own, Schannel of Windows. Other systems have none that their clients go by; there it
    /// is the portable one.
    Native,
}

/// How much is asked beside the main path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SideQuestions {
    /// Nothing.
    None,
    /// What makes no further connection, and what a failure needs to be told apart: for checks
    /// that are repeated.
    Light,
    /// At most two extra TCP connections, and more only where a failure names the question.
    Few,
    /// Every security layer and TLS version.
    All,
}

impl SideQuestions {
    /// Whether connections are made for curiosity.
    pub(crate) fn connect(self) -> bool {
        matches!(self, Self::Few | Self::All)
    }
}

/// How long each stage may take.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// The name's resolution.
    pub dns: Duration,
    /// Each TCP connection.
    pub tcp: Duration,
    /// The Connection Confirm.
    pub x224: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// Up to the NTLM challenge.
    pub credssp: Duration,
    /// CredSSP with credentials: a domain controller that is missing or a second factor takes long.
    pub sign_in: Duration,
    /// Up to the MCS Connect Response.
    pub mcs: Duration,
    /// Client info and licensing.
    pub licensing: Duration,
    /// The session and its first picture, each: a slow profile takes long.
    pub session: Duration,
    /// From the first request to an RD Gateway to the channel: a second factor takes long.
    pub gateway: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            dns: Duration::from_secs(5),
            tcp: Duration::from_secs(8),
            x224: Duration::from_secs(8),
            tls: Duration::from_secs(10),
            credssp: Duration::from_secs(10),
            sign_in: Duration::from_secs(60),
            mcs: Duration::from_secs(10),
            licensing: Duration::from_secs(30),
            session: Duration::from_secs(90),
            gateway: Duration::from_secs(60),
        }
    }
}

impl Deadlines {
    /// No stage longer than `limit`.
    #[must_use]
    pub fn capped(self, limit: Duration) -> Self {
        Self {
            dns: self.dns.min(limit),
            tcp: self.tcp.min(limit),
            x224: self.x224.min(limit),
            tls: self.tls.min(limit),
            credssp: self.credssp.min(limit),
            sign_in: self.sign_in.min(limit),
            mcs: self.mcs.min(limit),
            licensing: self.licensing.min(limit),
            session: self.session.min(limit),
            gateway: self.gateway.min(limit),
        }
    }
}

/// Called when a stage begins; what it does must be quick.
pub type Progress = Arc<dyn Fn(Stage) + Send + Sync>;
