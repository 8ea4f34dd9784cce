//! The proxy stands in front of the healthy server and lets everybody through.

use crate::Fault;
use crate::behaviour::Behaviour;
use crate::proxy::ProxyAnswer;

pub(super) static FAULT: Fault = Fault {
    name: "healthy-proxy",
    summary: "is behind a proxy that connects everybody, by HTTP, HTTPS and SOCKS 5",
    cause: None,
    behaviour: Behaviour { proxy: Some(ProxyAnswer::Connect), ..Behaviour::HEALTHY },
};
