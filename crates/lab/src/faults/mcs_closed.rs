//! The server gives up between security and session.

use crate::Fault;
use crate::behaviour::{Behaviour, ConnectAnswer, Ending, Instead};
use crate::x224;

pub(super) static FAULT: Fault = Fault {
    name: "mcs-closed",
    summary: "closes with FIN at the MCS Connect Initial",
    cause: Some("mcs.closed"),
    behaviour: Behaviour {
        negotiation: x224::tls_only,
        connect: ConnectAnswer::Instead(Instead::End(Ending::Fin)),
        ..Behaviour::HEALTHY
    },
};
