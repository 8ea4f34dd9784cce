//! The frame and the X.224 data header are right, what is inside is not.

use crate::Fault;
use crate::behaviour::{Behaviour, ConnectAnswer, Instead, Then};
use crate::x224;

pub(super) static FAULT: Fault = Fault {
    name: "mcs-garbage",
    summary: "answers the MCS Connect Initial with bytes that are no MCS",
    cause: Some("mcs.malformed"),
    behaviour: Behaviour {
        negotiation: x224::tls_only,
        connect: ConnectAnswer::Instead(Instead::Say(
            &[3, 0, 0, 15, 2, 0xF0, 0x80, 0xFF, 0xFE, 0xFD, 0xFC, 0xFB, 0xFA, 0xF9, 0xF8],
            Then::Silence,
        )),
        ..Behaviour::HEALTHY
    },
};
