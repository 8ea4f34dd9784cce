//! Failure code 5 (MS-RDPBCGR 2.2.1.2.2): NLA is required. This server says so even to a client that
//! offers it, since the fault has to show with any client.

use crate::Fault;
use crate::behaviour::{Answer, Behaviour};

pub(super) static FAULT: Fault = Fault {
    name: "nego-nla-required",
    summary: "refuses every request with HYBRID_REQUIRED_BY_SERVER",
    cause: Some("nego.nla-required"),
    behaviour: Behaviour { negotiation: |_| Answer::Failure(5), ..Behaviour::HEALTHY },
};
