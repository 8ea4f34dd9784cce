//! Failure code 2 (MS-RDPBCGR 2.2.1.2.2) to whoever offers more than Standard RDP Security: a host whose
//! security layer is set to RDP. A client that comes back with less is served.

use crate::Fault;
use crate::behaviour::{Answer, Behaviour};

pub(super) static FAULT: Fault = Fault {
    name: "nego-tls-not-allowed",
    summary: "refuses TLS with SSL_NOT_ALLOWED_BY_SERVER, takes Standard RDP Security",
    cause: Some("nego.tls-not-allowed"),
    behaviour: Behaviour {
        negotiation: |request| match request.requested {
            Some(0) => Answer::Select(0),
            Some(_) => Answer::Failure(2),
            None => Answer::WithoutNegotiation,
        },
        ..Behaviour::HEALTHY
    },
};
