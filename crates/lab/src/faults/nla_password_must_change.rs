//! errorCode 0xC0000224 (MS-ERREF 2.3.1): "User must change password at next logon".

use crate::Fault;
use crate::behaviour::{Behaviour, Verdict};

pub(super) static FAULT: Fault = Fault {
    name: "nla-password-must-change",
    summary: "answers the right password with STATUS_PASSWORD_MUST_CHANGE",
    cause: Some("nla.password-must-change"),
    behaviour: Behaviour { verdict: Verdict::Status(0xC000_0224), ..Behaviour::HEALTHY },
};
