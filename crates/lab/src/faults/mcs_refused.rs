//! Result 15 in the Connect Response (T.125 section 7), inside TLS without NLA.

use crate::Fault;
use crate::behaviour::{Behaviour, ConnectAnswer};
use crate::x224;

pub(super) static FAULT: Fault = Fault {
    name: "mcs-refused",
    summary: "refuses the MCS connection with rt-user-rejected",
    cause: Some("mcs.refused"),
    behaviour: Behaviour {
        negotiation: x224::tls_only,
        connect: ConnectAnswer::Refused(15),
        ..Behaviour::HEALTHY
    },
};
