//! IAC DO TERMINAL-TYPE, TERMINAL-SPEED, X-DISPLAY-LOCATION, NEW-ENVIRON (RFC 854), and then a login
//! prompt that waits.

use crate::Fault;
use crate::behaviour::{Behaviour, Foreign, ForeignAnswer, Instead, Opening, Then};

pub(super) static FAULT: Fault = Fault {
    name: "wrong-service-telnet",
    summary: "is a Telnet server: begins with option negotiation",
    cause: Some("net.wrong-service"),
    behaviour: Behaviour {
        opening: Opening::Foreign(Foreign {
            greeting: &[255, 253, 24, 255, 253, 32, 255, 253, 35, 255, 253, 39],
            answer: |_| ForeignAnswer::Instead(Instead::Say(b"\r\nlogin: ", Then::Silence)),
        }),
        ..Behaviour::HEALTHY
    },
};
