//! 403, or SOCKS reply 2: the port is not allowed.

use crate::Fault;
use crate::behaviour::Behaviour;
use crate::proxy::ProxyAnswer;

pub(super) static FAULT: Fault = Fault {
    name: "proxy-refused",
    summary: "is behind a proxy whose rules forbid the connection",
    cause: Some("net.proxy-refused"),
    behaviour: Behaviour { proxy: Some(ProxyAnswer::Forbid), ..Behaviour::HEALTHY },
};
