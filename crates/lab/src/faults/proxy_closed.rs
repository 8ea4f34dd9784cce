//! FIN instead of an answer.

use crate::Fault;
use crate::behaviour::Behaviour;
use crate::proxy::ProxyAnswer;

pub(super) static FAULT: Fault = Fault {
    name: "proxy-closed",
    summary: "is behind a proxy that reads the request and hangs up",
    cause: Some("net.proxy-refused"),
    behaviour: Behaviour { proxy: Some(ProxyAnswer::Close), ..Behaviour::HEALTHY },
};
