//! errorCode 0xC000006D (MS-ERREF 2.3.1):
//! what Windows says of a wrong user, a wrong password and much else.

use crate::Fault;
use crate::behaviour::{Behaviour, Verdict};

pub(super) static FAULT: Fault = Fault {
    name: "nla-credentials-rejected",
    summary: "answers the right password with STATUS_LOGON_FAILURE",
    cause: Some("nla.credentials-rejected"),
    behaviour: Behaviour { verdict: Verdict::Status(0xC000_006D), ..Behaviour::HEALTHY },
};
