//! One stage a file, in the order in which a client passes them.

pub(crate) mod credssp;
pub(crate) mod dns;
pub(crate) mod gateway;
pub(crate) mod mcs;
pub(crate) mod proxy;
pub(crate) mod session;
pub(crate) mod tcp;
pub(crate) mod tls;
#[cfg(windows)]
mod tls_native;
pub(crate) mod udp;
pub(crate) mod x224;
