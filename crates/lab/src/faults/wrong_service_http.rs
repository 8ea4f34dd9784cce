//! A web server waits for a request and cannot make sense of this one (RFC 9110 section 15.5.1).

use crate::Fault;
use crate::behaviour::{Behaviour, Ending, Foreign, ForeignAnswer, Instead, Opening, Then};
use crate::server::BAD_REQUEST;

pub(super) static FAULT: Fault = Fault {
    name: "wrong-service-http",
    summary: "is a web server: answers 400 Bad Request",
    cause: Some("net.wrong-service"),
    behaviour: Behaviour {
        opening: Opening::Foreign(Foreign {
            greeting: b"",
            answer: |_| ForeignAnswer::Instead(Instead::Say(BAD_REQUEST, Then::End(Ending::Fin))),
        }),
        ..Behaviour::HEALTHY
    },
};
