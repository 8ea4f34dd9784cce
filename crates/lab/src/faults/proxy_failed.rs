//! 502, or SOCKS reply 1: general failure.

use crate::Fault;
use crate::behaviour::Behaviour;
use crate::proxy::ProxyAnswer;

pub(super) static FAULT: Fault = Fault {
    name: "proxy-failed",
    summary: "is behind a proxy that cannot connect and does not say why",
    cause: Some("net.proxy-refused"),
    behaviour: Behaviour { proxy: Some(ProxyAnswer::Fail), ..Behaviour::HEALTHY },
};
