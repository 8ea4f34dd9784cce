//! Failure code 3 (MS-RDPBCGR 2.2.1.2.2): the host has no certificate for its listener.

use crate::Fault;
use crate::behaviour::{Answer, Behaviour};

pub(super) static FAULT: Fault = Fault {
    name: "nego-certificate-missing",
    summary: "refuses with SSL_CERT_NOT_ON_SERVER",
    cause: Some("nego.server-certificate-missing"),
    behaviour: Behaviour { negotiation: |_| Answer::Failure(3), ..Behaviour::HEALTHY },
};
