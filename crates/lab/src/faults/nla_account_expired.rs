//! errorCode 0xC0000193 (MS-ERREF 2.3.1): said only to those who know the password.

use crate::Fault;
use crate::behaviour::{Behaviour, Verdict};

pub(super) static FAULT: Fault = Fault {
    name: "nla-account-expired",
    summary: "answers the right password with STATUS_ACCOUNT_EXPIRED",
    cause: Some("nla.account-expired"),
    behaviour: Behaviour { verdict: Verdict::Status(0xC000_0193), ..Behaviour::HEALTHY },
};
