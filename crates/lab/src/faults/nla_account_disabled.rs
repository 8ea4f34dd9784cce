//! STATUS_ACCOUNT_DISABLED in answer to the proof of the password (MS-CSSP 2.2.1, MS-ERREF 2.3.1).

use crate::Fault;
use crate::behaviour::{Behaviour, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "nla-account-disabled",
    summary: "answers the proof of the password with STATUS_ACCOUNT_DISABLED",
    cause: Some("nla.account-disabled"),
    behaviour: Behaviour { sign_in: SignIn::Refuse(0xC000_0072), ..Behaviour::HEALTHY },
};
