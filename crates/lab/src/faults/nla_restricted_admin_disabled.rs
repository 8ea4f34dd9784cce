//! A host with DisableRestrictedAdmin: the flag 0x08 is missing (MS-RDPBCGR 2.2.1.2.1).

use crate::Fault;
use crate::behaviour::{Behaviour, Verdict};
use crate::x224::RESPONSE_FLAGS;

pub(super) static FAULT: Fault = Fault {
    name: "nla-restricted-admin-disabled",
    summary: "does not offer Restricted Admin",
    cause: Some("nla.restricted-admin-disabled"),
    behaviour: Behaviour {
        response_flags: RESPONSE_FLAGS & !0x08,
        verdict: Verdict::Status(0xC000_006E),
        ..Behaviour::HEALTHY
    },
};
