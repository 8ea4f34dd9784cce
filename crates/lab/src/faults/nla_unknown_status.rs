//! errorCode 0xC0000999 (MS-ERREF 2.3.1): no status of MS-ERREF.

use crate::Fault;
use crate::behaviour::{Behaviour, Verdict};

pub(super) static FAULT: Fault = Fault {
    name: "nla-unknown-status",
    summary: "answers the right password with a status that nobody has defined",
    cause: Some("nla.refused"),
    behaviour: Behaviour { verdict: Verdict::Status(0xC000_0999), ..Behaviour::HEALTHY },
};
