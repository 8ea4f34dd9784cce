//! The session part of the service hangs behind a transport that works.

use crate::Fault;
use crate::behaviour::{Behaviour, ConnectAnswer, Instead};
use crate::x224;

pub(super) static FAULT: Fault = Fault {
    name: "mcs-silent",
    summary: "never answers the MCS Connect Initial",
    cause: Some("mcs.timeout"),
    behaviour: Behaviour {
        negotiation: x224::tls_only,
        connect: ConnectAnswer::Instead(Instead::Silence),
        ..Behaviour::HEALTHY
    },
};
