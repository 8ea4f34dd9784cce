//! STATUS_LOGON_FAILURE in answer to the proof of the password (MS-CSSP 2.2.1, MS-ERREF 2.3.1).

use crate::Fault;
use crate::behaviour::{Behaviour, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "nla-credentials-rejected",
    summary: "answers the proof of the password with STATUS_LOGON_FAILURE",
    cause: Some("nla.credentials-rejected"),
    behaviour: Behaviour { sign_in: SignIn::Refuse(0xC000_006D), ..Behaviour::HEALTHY },
};
