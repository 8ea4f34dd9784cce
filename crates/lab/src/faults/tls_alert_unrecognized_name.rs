//! Alert 112 (RFC 6066 section 3): a router by server name that does not know this one.

use crate::Fault;
use crate::behaviour::{Behaviour, HelloAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "tls-alert-unrecognized-name",
    summary: "answers the ClientHello with the alert unrecognized_name",
    cause: Some("tls.alert"),
    behaviour: Behaviour { hello: |_| HelloAnswer::Alert(112), ..Behaviour::HEALTHY },
};
