//! What answers by UDP knows nothing of the session: another machine behind the same address.

use crate::Fault;
use crate::behaviour::Behaviour;
use crate::udp::UdpAnswer;

pub(super) static FAULT: Fault = Fault {
    name: "udp-cookie-silent",
    summary: "asks for UDP in the session, and answers version 2 only",
    cause: Some("udp.blocked"),
    behaviour: Behaviour { udp: Some(UdpAnswer::CookieUnknown), ..Behaviour::HEALTHY },
};
