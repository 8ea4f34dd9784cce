//! Failure code 4 (MS-RDPBCGR 2.2.1.2.2): the server finds the offered protocols contradictory.

use crate::Fault;
use crate::behaviour::{Answer, Behaviour};

pub(super) static FAULT: Fault = Fault {
    name: "nego-inconsistent-flags",
    summary: "refuses with INCONSISTENT_FLAGS",
    cause: Some("nego.inconsistent-flags"),
    behaviour: Behaviour { negotiation: |_| Answer::Failure(4), ..Behaviour::HEALTHY },
};
