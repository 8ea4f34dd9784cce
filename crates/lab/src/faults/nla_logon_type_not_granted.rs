//! STATUS_LOGON_TYPE_NOT_GRANTED in answer to the proof of the password (MS-CSSP 2.2.1, MS-ERREF 2.3.1).

use crate::Fault;
use crate::behaviour::{Behaviour, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "nla-logon-type-not-granted",
    summary: "answers the proof of the password with STATUS_LOGON_TYPE_NOT_GRANTED",
    cause: Some("nla.logon-type-not-granted"),
    behaviour: Behaviour { sign_in: SignIn::Refuse(0xC000_015B), ..Behaviour::HEALTHY },
};
