//! A proxy that has taken the connection over and speaks HTTP in the middle of it.

use crate::Fault;
use crate::behaviour::{Behaviour, Ending, HelloAnswer, Instead, Then};
use crate::server::BAD_REQUEST;

pub(super) static FAULT: Fault = Fault {
    name: "tls-http-answer",
    summary: "answers the ClientHello as a web server does",
    cause: Some("tls.malformed"),
    behaviour: Behaviour {
        hello: |_| HelloAnswer::Instead(Instead::Say(BAD_REQUEST, Then::End(Ending::Fin))),
        ..Behaviour::HEALTHY
    },
};
