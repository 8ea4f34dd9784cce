//! The proxy hangs, or still waits for its target: nobody can tell.

use crate::Fault;
use crate::behaviour::Behaviour;
use crate::proxy::ProxyAnswer;

pub(super) static FAULT: Fault = Fault {
    name: "proxy-silent",
    summary: "is behind a proxy that reads the request and says nothing",
    cause: Some("net.proxy-refused"),
    behaviour: Behaviour { proxy: Some(ProxyAnswer::Silence), ..Behaviour::HEALTHY },
};
