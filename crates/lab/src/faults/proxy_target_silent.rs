//! 504, or SOCKS reply 6: the proxy waited for the target in vain.

use crate::Fault;
use crate::behaviour::Behaviour;
use crate::proxy::ProxyAnswer;

pub(super) static FAULT: Fault = Fault {
    name: "proxy-target-silent",
    summary: "is behind a proxy that says that the host did not answer in time",
    cause: Some("net.no-answer"),
    behaviour: Behaviour { proxy: Some(ProxyAnswer::TargetSilent), ..Behaviour::HEALTHY },
};
