//! Failure code 6 (MS-RDPBCGR 2.2.1.2.2): TLS with a client's certificate is required.

use crate::Fault;
use crate::behaviour::{Answer, Behaviour};

pub(super) static FAULT: Fault = Fault {
    name: "nego-user-auth-tls",
    summary: "refuses with SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER",
    cause: Some("nego.user-auth-tls-required"),
    behaviour: Behaviour { negotiation: |_| Answer::Failure(6), ..Behaviour::HEALTHY },
};
