//! Alert 71 (RFC 8446 section 6.2): the server wants stronger suites than it was offered.

use crate::Fault;
use crate::behaviour::{Behaviour, HelloAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "tls-no-common-cipher-71",
    summary: "answers the ClientHello with the alert insufficient_security",
    cause: Some("tls.no-common-cipher"),
    behaviour: Behaviour { hello: |_| HelloAnswer::Alert(71), ..Behaviour::HEALTHY },
};
