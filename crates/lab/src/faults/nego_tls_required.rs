//! Failure code 1 (MS-RDPBCGR 2.2.1.2.2): the server wants TLS and, it says, was not offered it. It says so
//! to every request.

use crate::Fault;
use crate::behaviour::{Answer, Behaviour};

pub(super) static FAULT: Fault = Fault {
    name: "nego-tls-required",
    summary: "refuses with SSL_REQUIRED_BY_SERVER",
    cause: Some("nego.tls-required"),
    behaviour: Behaviour { negotiation: |_| Answer::Failure(1), ..Behaviour::HEALTHY },
};
