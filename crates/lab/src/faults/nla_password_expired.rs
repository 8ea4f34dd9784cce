//! errorCode 0xC0000071 (MS-ERREF 2.3.1): it cannot be changed before the session.

use crate::Fault;
use crate::behaviour::{Behaviour, Verdict};

pub(super) static FAULT: Fault = Fault {
    name: "nla-password-expired",
    summary: "answers the right password with STATUS_PASSWORD_EXPIRED",
    cause: Some("nla.password-expired"),
    behaviour: Behaviour { verdict: Verdict::Status(0xC000_0071), ..Behaviour::HEALTHY },
};
