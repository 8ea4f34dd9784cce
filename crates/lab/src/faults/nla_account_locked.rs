//! errorCode 0xC0000234 (MS-ERREF 2.3.1): too many wrong passwords.

use crate::Fault;
use crate::behaviour::{Behaviour, Verdict};

pub(super) static FAULT: Fault = Fault {
    name: "nla-account-locked",
    summary: "answers the right password with STATUS_ACCOUNT_LOCKED_OUT",
    cause: Some("nla.account-locked"),
    behaviour: Behaviour { verdict: Verdict::Status(0xC000_0234), ..Behaviour::HEALTHY },
};
