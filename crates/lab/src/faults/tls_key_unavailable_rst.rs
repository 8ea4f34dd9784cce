//! As `tls-key-unavailable-fin`, by a reset: which of the two a Windows host shows is partly a race.

use crate::Fault;
use crate::behaviour::{Behaviour, Ending, HelloAnswer, Instead};

pub(super) static FAULT: Fault = Fault {
    name: "tls-key-unavailable-rst",
    summary: "agrees on NLA, then drops every ClientHello with RST",
    cause: Some("tls.private-key-unavailable"),
    behaviour: Behaviour {
        hello: |_| HelloAnswer::Instead(Instead::End(Ending::Reset)),
        ..Behaviour::HEALTHY
    },
};
