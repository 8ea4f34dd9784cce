//! Failure code 2 (MS-RDPBCGR 2.2.1.2.2), to the weaker request that a client comes back with as well.

use crate::Fault;
use crate::behaviour::{Answer, Behaviour};

pub(super) static FAULT: Fault = Fault {
    name: "nego-tls-not-allowed-strict",
    summary: "refuses every request with SSL_NOT_ALLOWED_BY_SERVER",
    cause: Some("nego.tls-not-allowed"),
    behaviour: Behaviour { negotiation: |_| Answer::Failure(2), ..Behaviour::HEALTHY },
};
