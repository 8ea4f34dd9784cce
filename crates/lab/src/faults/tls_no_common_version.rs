//! Alert 70 (RFC 8446 section 6.2): a host and a client without a version in common.

use crate::Fault;
use crate::behaviour::{Behaviour, HelloAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "tls-no-common-version",
    summary: "answers the ClientHello with the alert protocol_version",
    cause: Some("tls.no-common-version"),
    behaviour: Behaviour { hello: |_| HelloAnswer::Alert(70), ..Behaviour::HEALTHY },
};
