//! errorCode 0xC0000072 (MS-ERREF 2.3.1): said only to those who know the password.

use crate::Fault;
use crate::behaviour::{Behaviour, Verdict};

pub(super) static FAULT: Fault = Fault {
    name: "nla-account-disabled",
    summary: "answers the right password with STATUS_ACCOUNT_DISABLED",
    cause: Some("nla.account-disabled"),
    behaviour: Behaviour { verdict: Verdict::Status(0xC000_0072), ..Behaviour::HEALTHY },
};
