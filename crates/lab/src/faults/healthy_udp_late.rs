//! The first datagram is lost, the second is answered.

use crate::Fault;
use crate::behaviour::Behaviour;
use crate::udp::UdpAnswer;
use crate::x224;

pub(super) static FAULT: Fault = Fault {
    name: "healthy-udp-late",
    summary: "offers UDP and answers only the second datagram",
    cause: None,
    behaviour: Behaviour {
        negotiation: x224::tls_only,
        udp: Some(UdpAnswer::Second),
        ..Behaviour::HEALTHY
    },
};
