//! errorCode 0xC000006E (MS-ERREF 2.3.1): an empty password, or a policy.

use crate::Fault;
use crate::behaviour::{Behaviour, Verdict};

pub(super) static FAULT: Fault = Fault {
    name: "nla-account-restriction",
    summary: "answers the right password with STATUS_ACCOUNT_RESTRICTION",
    cause: Some("nla.account-restriction"),
    behaviour: Behaviour { verdict: Verdict::Status(0xC000_006E), ..Behaviour::HEALTHY },
};
