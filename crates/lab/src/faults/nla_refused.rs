//! errorCode 0xC0000022 (MS-CSSP 2.2.1, MS-ERREF 2.3.1), a status with no cause of its own.

use crate::Fault;
use crate::behaviour::{Behaviour, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "nla-refused",
    summary: "answers with STATUS_ACCESS_DENIED",
    cause: Some("nla.refused"),
    behaviour: Behaviour { sign_in: SignIn::Status(0xC000_0022), ..Behaviour::HEALTHY },
};
