//! The same fault on a host that finds time for an alert: internal_error, 80 (RFC 8446 section 6.2).

use crate::Fault;
use crate::behaviour::{Behaviour, HelloAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "tls-key-unavailable-alert",
    summary: "agrees on NLA, then answers every ClientHello with internal_error",
    cause: Some("tls.private-key-unavailable"),
    behaviour: Behaviour { hello: |_| HelloAnswer::Alert(80), ..Behaviour::HEALTHY },
};
