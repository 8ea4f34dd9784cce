//! Sans-I/O codecs of Remote Desktop connections.
//!
//! [`encode`] makes the messages a client sends. [`Dissector`] reads what passes on one connection,
//! in both directions, and turns it into facts; it is fed by the live probe and by whatever else
//! has the bytes, so that all sources agree. The decoders are tolerant: a broken answer is the
//! subject here, and what could be read of it is kept as raw numbers.

mod certificate;
mod credssp;
mod der;
mod dissector;
pub mod encode;
mod foreign;
pub mod frame;
pub mod gateway;
pub mod kerberos;
mod license;
mod mcs;
pub mod multitransport;
mod ntlm;
pub mod proxy;
mod reader;
mod redirection;
pub mod security;
mod share;
mod tls;
pub mod tls_decrypt;
mod token;
mod tpkt;
pub mod tsgu;
pub mod udp;
pub mod wsman;
mod x224;

pub use certificate::{read_certificate, subject_public_key};
pub use dissector::{Dissector, Event};
pub use redirection::Redirection;
pub use share::{graphics_update, redirection};
pub use tls::begins_directly;
pub use token::{Shown, shown};
