//! 502 with a Proxy-Status, or SOCKS reply 5: the proxy works, the target does not.

use crate::Fault;
use crate::behaviour::Behaviour;
use crate::proxy::ProxyAnswer;

pub(super) static FAULT: Fault = Fault {
    name: "proxy-target-refused",
    summary: "is behind a proxy that says that the host refused the connection",
    cause: Some("net.refused"),
    behaviour: Behaviour { proxy: Some(ProxyAnswer::TargetRefused), ..Behaviour::HEALTHY },
};
