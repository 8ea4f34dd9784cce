//! A Windows host that cannot read the private key of its certificate: Schannel fails, and the service
//! ends the connection without an alert.

use crate::Fault;
use crate::behaviour::{Behaviour, Ending, HelloAnswer, Instead};

pub(super) static FAULT: Fault = Fault {
    name: "tls-key-unavailable-fin",
    summary: "agrees on NLA, then drops every ClientHello with FIN",
    cause: Some("tls.private-key-unavailable"),
    behaviour: Behaviour {
        hello: |_| HelloAnswer::Instead(Instead::End(Ending::Fin)),
        ..Behaviour::HEALTHY
    },
};
