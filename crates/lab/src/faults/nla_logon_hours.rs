//! errorCode 0xC000006F (MS-ERREF 2.3.1): the account has hours.

use crate::Fault;
use crate::behaviour::{Behaviour, Verdict};

pub(super) static FAULT: Fault = Fault {
    name: "nla-logon-hours",
    summary: "answers the right password with STATUS_INVALID_LOGON_HOURS",
    cause: Some("nla.logon-hours"),
    behaviour: Behaviour { verdict: Verdict::Status(0xC000_006F), ..Behaviour::HEALTHY },
};
