//! STATUS_ACCOUNT_LOCKED_OUT in answer to the proof of the password (MS-CSSP 2.2.1, MS-ERREF 2.3.1).

use crate::Fault;
use crate::behaviour::{Behaviour, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "nla-account-locked",
    summary: "answers the proof of the password with STATUS_ACCOUNT_LOCKED_OUT",
    cause: Some("nla.account-locked"),
    behaviour: Behaviour { sign_in: SignIn::Refuse(0xC000_0234), ..Behaviour::HEALTHY },
};
