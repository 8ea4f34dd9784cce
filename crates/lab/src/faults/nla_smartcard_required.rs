//! errorCode 0xC00002FA (MS-ERREF 2.3.1): the account takes no password.

use crate::Fault;
use crate::behaviour::{Behaviour, Verdict};

pub(super) static FAULT: Fault = Fault {
    name: "nla-smartcard-required",
    summary: "answers the right password with STATUS_SMARTCARD_LOGON_REQUIRED",
    cause: Some("nla.smartcard-required"),
    behaviour: Behaviour { verdict: Verdict::Status(0xC000_02FA), ..Behaviour::HEALTHY },
};
