//! selectedProtocol must be one of those offered (MS-RDPBCGR 2.2.1.2.1).

use crate::Fault;
use crate::behaviour::{Answer, Behaviour};
use crate::x224::PROTOCOL_RDSTLS;

pub(super) static FAULT: Fault = Fault {
    name: "nego-unrequested-protocol",
    summary: "selects RDSTLS, which the client did not offer",
    cause: Some("nego.malformed-response"),
    behaviour: Behaviour { negotiation: |_| Answer::Select(PROTOCOL_RDSTLS), ..Behaviour::HEALTHY },
};
