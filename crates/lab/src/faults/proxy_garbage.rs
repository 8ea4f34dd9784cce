//! What listens at the proxy's port speaks another protocol.

use crate::Fault;
use crate::behaviour::Behaviour;
use crate::proxy::ProxyAnswer;

pub(super) static FAULT: Fault = Fault {
    name: "proxy-garbage",
    summary: "is behind a port that was taken for a proxy and is a mail server",
    cause: Some("net.proxy-refused"),
    behaviour: Behaviour { proxy: Some(ProxyAnswer::Garbage), ..Behaviour::HEALTHY },
};
