//! The frame is right, what is inside is not.

use crate::Fault;
use crate::behaviour::{Answer, Behaviour, Instead, Then};

pub(super) static FAULT: Fault = Fault {
    name: "nego-garbage-in-tpkt",
    summary: "answers with a TPKT that holds no X.224",
    cause: Some("nego.malformed-response"),
    behaviour: Behaviour {
        negotiation: |_| {
            Answer::Instead(Instead::Say(
                &[3, 0, 0, 12, 0xFF, 0xFE, 0xFD, 0xFC, 0xFB, 0xFA, 0xF9, 0xF8],
                Then::Silence,
            ))
        },
        ..Behaviour::HEALTHY
    },
};
