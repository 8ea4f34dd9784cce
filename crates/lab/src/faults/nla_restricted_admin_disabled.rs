//! A host with DisableRestrictedAdmin: the flag 0x08 is missing (MS-RDPBCGR 2.2.1.2.1).

use crate::Fault;
use crate::behaviour::{Behaviour, SignIn};
use crate::x224::RESPONSE_FLAGS;

pub(super) static FAULT: Fault = Fault {
    name: "nla-restricted-admin-disabled",
    summary: "does not offer Restricted Admin",
    cause: Some("nla.restricted-admin-disabled"),
    behaviour: Behaviour {
        response_flags: RESPONSE_FLAGS & !0x08,
        sign_in: SignIn::Refuse(0xC000_006E),
        ..Behaviour::HEALTHY
    },
};
