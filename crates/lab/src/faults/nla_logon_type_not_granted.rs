//! errorCode 0xC000015B (MS-ERREF 2.3.1):
//! the right to log on over the network or through Remote Desktop is missing.

use crate::Fault;
use crate::behaviour::{Behaviour, Verdict};

pub(super) static FAULT: Fault = Fault {
    name: "nla-logon-type-not-granted",
    summary: "answers the right password with STATUS_LOGON_TYPE_NOT_GRANTED",
    cause: Some("nla.logon-type-not-granted"),
    behaviour: Behaviour { verdict: Verdict::Status(0xC000_015B), ..Behaviour::HEALTHY },
};
