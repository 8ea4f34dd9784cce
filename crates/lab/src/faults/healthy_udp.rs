//! TLS without NLA, so that the offer of UDP is seen without signing in.

use crate::Fault;
use crate::behaviour::Behaviour;
use crate::udp::UdpAnswer;
use crate::x224;

pub(super) static FAULT: Fault = Fault {
    name: "healthy-udp",
    summary: "offers UDP and answers it",
    cause: None,
    behaviour: Behaviour {
        negotiation: x224::tls_only,
        udp: Some(UdpAnswer::Answer),
        ..Behaviour::HEALTHY
    },
};
