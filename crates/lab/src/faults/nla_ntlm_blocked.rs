//! errorCode 0xC0000418 (MS-CSSP 2.2.1, MS-ERREF 2.3.1): policy forbids NTLM on this host.

use crate::Fault;
use crate::behaviour::{Behaviour, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "nla-ntlm-blocked",
    summary: "answers with STATUS_NTLM_BLOCKED",
    cause: Some("nla.ntlm-blocked"),
    behaviour: Behaviour { sign_in: SignIn::Status(0xC000_0418), ..Behaviour::HEALTHY },
};
