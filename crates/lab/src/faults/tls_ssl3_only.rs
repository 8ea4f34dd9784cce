//! An old device that knows SSL 3.0 (RFC 6101) and nothing newer.

use crate::Fault;
use crate::behaviour::{Behaviour, HelloAnswer, Then};

pub(super) static FAULT: Fault = Fault {
    name: "tls-ssl3-only",
    summary: "answers with a ServerHello of SSL 3.0",
    cause: Some("tls.no-common-version"),
    behaviour: Behaviour {
        hello: |_| HelloAnswer::ServerHello { version: 0x0300, then: Then::Silence },
        ..Behaviour::HEALTHY
    },
};
