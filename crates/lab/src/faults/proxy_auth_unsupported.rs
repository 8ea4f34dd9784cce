//! 407 with Digest and Bearer, or SOCKS method 1 (GSSAPI), and 0xFF where that is not offered.

use crate::Fault;
use crate::behaviour::Behaviour;
use crate::proxy::ProxyAnswer;

pub(super) static FAULT: Fault = Fault {
    name: "proxy-auth-unsupported",
    summary: "is behind a proxy that takes only sign-ins that few clients speak",
    cause: Some("net.proxy-auth"),
    behaviour: Behaviour { proxy: Some(ProxyAnswer::SignInOtherwise), ..Behaviour::HEALTHY },
};
