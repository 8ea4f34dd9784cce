//! The handshake breaks off in the middle, and nobody says why.

use crate::Fault;
use crate::behaviour::{Behaviour, Ending, HelloAnswer, Then};

pub(super) static FAULT: Fault = Fault {
    name: "tls-closed-after-server-hello",
    summary: "sends a ServerHello and closes with FIN",
    cause: Some("tls.closed"),
    behaviour: Behaviour {
        hello: |_| HelloAnswer::ServerHello { version: 0x0303, then: Then::End(Ending::Fin) },
        ..Behaviour::HEALTHY
    },
};
