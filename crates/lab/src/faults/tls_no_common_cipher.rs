//! Alert 40 (RFC 8446 section 6.2), the usual one when no cipher suite is shared.

use crate::Fault;
use crate::behaviour::{Behaviour, HelloAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "tls-no-common-cipher",
    summary: "answers the ClientHello with the alert handshake_failure",
    cause: Some("tls.no-common-cipher"),
    behaviour: Behaviour { hello: |_| HelloAnswer::Alert(40), ..Behaviour::HEALTHY },
};
