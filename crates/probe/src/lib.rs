//! The live probe: it does what `mstsc` does, in the same order, once, and writes down what it
//! sees. Side questions are asked beside the main path and never add to its round trips.
//!
//! It looks and never judges: what comes out is observations.

mod by_gateway;
mod by_proxy;
mod check;
mod context;
mod credssp_client;
mod echo;
mod exchange;
mod gateway;
mod idle;
mod interface;
mod journal;
mod kerberos;
mod link;
#[cfg_attr(not(windows), path = "logged_on_elsewhere.rs")]
mod logged_on;
mod options;
mod path;
mod picture;
mod proxy;
mod recorder;
#[cfg(windows)]
mod schannel;
mod side;
mod sign_in;
mod stages;
mod stream;
mod tcp_figures;
mod tickets;
mod tls;
mod tls_stream;
mod transport;
mod winrm;
mod winsock;

pub use check::Prober;
pub use gateway::{GATEWAY_PORT, Gateway};
pub use idle::{Held, hold_idle};
pub use interface::interface_of;
pub use journal::Journal;
pub use options::{CheckOptions, Deadlines, Engine, Progress, SideQuestions};
pub use proxy::{Proxy, ProxySignIn};
pub use recorder::{Recorded, Recorder, Recording};
pub use sign_in::{Credential, Gate, Release, SignIn};
pub use stages::session::Logon;
pub use tls::TlsError;
pub use winrm::{Asked, Problem, Ran, Remote, Script, WINRM_HTTP, WINRM_HTTPS, Way};
