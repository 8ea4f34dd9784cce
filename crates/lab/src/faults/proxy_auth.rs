//! 407 with Basic, or SOCKS method 0xFF; a wrong password gets 407 or status 1.

use crate::Fault;
use crate::behaviour::Behaviour;
use crate::proxy::ProxyAnswer;

pub(super) static FAULT: Fault = Fault {
    name: "proxy-auth",
    summary: "is behind a proxy that connects only who signs in with the lab's account",
    cause: Some("net.proxy-auth"),
    behaviour: Behaviour { proxy: Some(ProxyAnswer::SignIn), ..Behaviour::HEALTHY },
};
