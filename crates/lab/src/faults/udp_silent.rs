//! A firewall between here and there lets TCP through and drops UDP.

use crate::Fault;
use crate::behaviour::Behaviour;
use crate::udp::UdpAnswer;
use crate::x224;

pub(super) static FAULT: Fault = Fault {
    name: "udp-silent",
    summary: "offers UDP and never answers it",
    cause: Some("udp.blocked"),
    behaviour: Behaviour {
        negotiation: x224::tls_only,
        udp: Some(UdpAnswer::Silence),
        ..Behaviour::HEALTHY
    },
};
