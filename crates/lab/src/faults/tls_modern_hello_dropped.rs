//! Old middleboxes and hosts trip over what newer hellos bring: their size, TLS 1.3, unknown values.

use crate::Fault;
use crate::behaviour::{Behaviour, Ending, HelloAnswer, Instead};

pub(super) static FAULT: Fault = Fault {
    name: "tls-modern-hello-dropped",
    summary: "resets a ClientHello that offers TLS 1.3, serves a plain one",
    cause: Some("tls.closed"),
    behaviour: Behaviour {
        hello: |hello| {
            if hello.is_modern() {
                HelloAnswer::Instead(Instead::End(Ending::Reset))
            } else {
                HelloAnswer::Handshake
            }
        },
        ..Behaviour::HEALTHY
    },
};
