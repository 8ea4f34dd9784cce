//! Alert 49 (RFC 8446 section 6.2): some policy says no.

use crate::Fault;
use crate::behaviour::{Behaviour, HelloAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "tls-alert-access-denied",
    summary: "answers the ClientHello with the alert access_denied",
    cause: Some("tls.alert"),
    behaviour: Behaviour { hello: |_| HelloAnswer::Alert(49), ..Behaviour::HEALTHY },
};
