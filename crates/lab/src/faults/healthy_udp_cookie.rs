//! A Windows host that asks for UDP once somebody signs in, and takes datagrams from nobody else.

use crate::Fault;
use crate::behaviour::Behaviour;
use crate::udp::UdpAnswer;

pub(super) static FAULT: Fault = Fault {
    name: "healthy-udp-cookie",
    summary: "asks for UDP in the session, and answers version 3 with its cookie",
    cause: None,
    behaviour: Behaviour { udp: Some(UdpAnswer::Cookie), ..Behaviour::HEALTHY },
};
