//! rn-provider-initiated (T.125 section 11.15), inside TLS without NLA.

use crate::Fault;
use crate::behaviour::{Behaviour, ConnectAnswer};
use crate::x224;

pub(super) static FAULT: Fault = Fault {
    name: "mcs-ultimatum",
    summary: "answers the MCS Connect Initial with a Disconnect Provider Ultimatum",
    cause: Some("mcs.refused"),
    behaviour: Behaviour {
        negotiation: x224::tls_only,
        connect: ConnectAnswer::Ultimatum,
        ..Behaviour::HEALTHY
    },
};
