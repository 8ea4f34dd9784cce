//! errorCode 0x8009033E (MS-ERREF 2.1.1): the account takes no password.

use crate::Fault;
use crate::behaviour::{Behaviour, Verdict};

pub(super) static FAULT: Fault = Fault {
    name: "nla-smartcard-required",
    summary: "answers the right password with SEC_E_SMARTCARD_LOGON_REQUIRED",
    cause: Some("nla.smartcard-required"),
    behaviour: Behaviour { verdict: Verdict::Status(0x8009_033E), ..Behaviour::HEALTHY },
};
