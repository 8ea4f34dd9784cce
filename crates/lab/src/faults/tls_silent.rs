//! A hung host, or a path that swallows the hello, which is the first large packet of the client.

use crate::Fault;
use crate::behaviour::{Behaviour, HelloAnswer, Instead};

pub(super) static FAULT: Fault = Fault {
    name: "tls-silent",
    summary: "never answers the ClientHello",
    cause: Some("tls.handshake-timeout"),
    behaviour: Behaviour {
        hello: |_| HelloAnswer::Instead(Instead::Silence),
        ..Behaviour::HEALTHY
    },
};
