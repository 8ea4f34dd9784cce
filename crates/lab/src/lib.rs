//! Misbehaving Remote Desktop servers, one named fault a file.
//!
//! There is one healthy server ([`start`] with the fault `healthy-nla`): it behaves as a Windows
//! host that requires Network Level Authentication and knows one account, [`USER`]. Every other
//! entry of [`FAULTS`] deviates from it in one step. Nothing here reads what a diagnosis says; the
//! messages are built by this crate and by `ironrdp-pdu`, never by the code that judges them.
//!
//! The servers are for tests and for trying things out: their account opens nothing.

mod behaviour;
mod certificate;
mod channel;
mod credssp;
mod der;
mod event_log;
mod faults;
mod gateway;
mod licensing;
mod link;
mod mcs;
mod ntlm;
mod picture;
mod proxy;
mod rc4;
mod revocation;
mod running;
mod security;
mod server;
mod session;
mod share;
mod sign_in;
mod tickets;
mod tls;
mod transport;
mod udp;
mod wsman;
mod x224;

pub use event_log::{LoggedEvent, event_log, event_log_of_templates};
pub use faults::{FAULTS, fault};
pub use gateway::GatewayStep;
pub use running::{ConnectionRecord, FirstPicture, Options, Running, start};
pub use wsman::{
    FarMachine, RunningWinrm, WINRM_FAULTS, WinrmFault, WinrmOptions, WinrmRecord, start_winrm,
    winrm_fault,
};

/// The one account that the servers know, in whatever domain.
pub const USER: &str = "lab";

/// Its password.
pub const PASSWORD: &str = "lab-Password-1";

/// One named way in which a Remote Desktop server fails, or one in which it works.
pub struct Fault {
    /// Its name, which is also its file's: `tls-silent` is in `faults/tls_silent.rs`.
    pub name: &'static str,
    /// What the server does, in one line.
    pub summary: &'static str,
    /// The identifier of the cause that a diagnosis finds; `None` for a healthy server.
    pub cause: Option<&'static str>,
    pub(crate) behaviour: behaviour::Behaviour,
}

/// How far a client has to go to meet a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// No credential is needed.
    Challenge,
    /// Somebody has to sign in as [`USER`].
    SignIn,
    /// And to go on to a session and its picture.
    Session,
}

impl Fault {
    /// Whether it is an RD Gateway, behind which is a healthy server.
    pub fn is_gateway(&self) -> bool {
        self.behaviour.gateway.is_some()
    }

    /// How far a client has to go to meet it.
    pub fn depth(&self) -> Depth {
        use behaviour::{LicenseAnswer, SessionAnswer, Verdict};
        let behaviour = &self.behaviour;
        if self.is_gateway() {
            return Depth::SignIn;
        }
        match (&behaviour.verdict, &behaviour.license, &behaviour.session) {
            (Verdict::Accept, LicenseAnswer::Valid, SessionAnswer::Desktop)
                if !faults::IN_SESSION.contains(&self.name) =>
            {
                Depth::Challenge
            }
            (Verdict::Accept, ..) => Depth::Session,
            _ => Depth::SignIn,
        }
    }
}

impl std::fmt::Debug for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fault").field("name", &self.name).finish_non_exhaustive()
    }
}
