//! STATUS_PASSWORD_EXPIRED in answer to the proof of the password (MS-CSSP 2.2.1, MS-ERREF 2.3.1).

use crate::Fault;
use crate::behaviour::{Behaviour, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "nla-password-expired",
    summary: "answers the proof of the password with STATUS_PASSWORD_EXPIRED",
    cause: Some("nla.password-expired"),
    behaviour: Behaviour { sign_in: SignIn::Refuse(0xC000_0071), ..Behaviour::HEALTHY },
};
