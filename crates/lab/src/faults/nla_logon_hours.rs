//! STATUS_INVALID_LOGON_HOURS in answer to the proof of the password (MS-CSSP 2.2.1, MS-ERREF 2.3.1).

use crate::Fault;
use crate::behaviour::{Behaviour, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "nla-logon-hours",
    summary: "answers the proof of the password with STATUS_INVALID_LOGON_HOURS",
    cause: Some("nla.logon-hours"),
    behaviour: Behaviour { sign_in: SignIn::Refuse(0xC000_006F), ..Behaviour::HEALTHY },
};
