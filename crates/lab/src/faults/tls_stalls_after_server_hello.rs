//! A path that lets small packets through and swallows the certificate, which fills whole ones.

use crate::Fault;
use crate::behaviour::{Behaviour, HelloAnswer, Then};

pub(super) static FAULT: Fault = Fault {
    name: "tls-stalls-after-server-hello",
    summary: "sends a ServerHello and then nothing more",
    cause: Some("tls.handshake-timeout"),
    behaviour: Behaviour {
        hello: |_| HelloAnswer::ServerHello { version: 0x0303, then: Then::Silence },
        ..Behaviour::HEALTHY
    },
};
