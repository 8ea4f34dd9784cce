//! SEC_E_SMARTCARD_LOGON_REQUIRED in answer to the proof of the password (MS-CSSP 2.2.1, MS-ERREF 2.3.1).

use crate::Fault;
use crate::behaviour::{Behaviour, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "nla-smartcard-required",
    summary: "answers the proof of the password with SEC_E_SMARTCARD_LOGON_REQUIRED",
    cause: Some("nla.smartcard-required"),
    behaviour: Behaviour { sign_in: SignIn::Refuse(0x8009_033E), ..Behaviour::HEALTHY },
};
