//! Whatever this is, its first byte is no record type of TLS.

use crate::Fault;
use crate::behaviour::{Behaviour, HelloAnswer, Instead, Then};

pub(super) static FAULT: Fault = Fault {
    name: "tls-garbage",
    summary: "answers the ClientHello with bytes that are no TLS",
    cause: Some("tls.malformed"),
    behaviour: Behaviour {
        hello: |_| {
            HelloAnswer::Instead(Instead::Say(
                b"\xde\xad\xbe\xef neither record nor handshake \xde\xad\xbe\xef",
                Then::Silence,
            ))
        },
        ..Behaviour::HEALTHY
    },
};
