//! The server speaks first (RFC 6143 section 7.1.1) and hangs up on another protocol.

use crate::Fault;
use crate::behaviour::{Behaviour, Ending, Foreign, ForeignAnswer, Instead, Opening};

pub(super) static FAULT: Fault = Fault {
    name: "wrong-service-vnc",
    summary: "is a VNC server: greets with its RFB version",
    cause: Some("net.wrong-service"),
    behaviour: Behaviour {
        opening: Opening::Foreign(Foreign {
            greeting: b"RFB 003.008\n",
            answer: |_| ForeignAnswer::Instead(Instead::End(Ending::Fin)),
        }),
        ..Behaviour::HEALTHY
    },
};
