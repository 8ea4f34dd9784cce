//! STATUS_ACCOUNT_EXPIRED in answer to the proof of the password (MS-CSSP 2.2.1, MS-ERREF 2.3.1).

use crate::Fault;
use crate::behaviour::{Behaviour, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "nla-account-expired",
    summary: "answers the proof of the password with STATUS_ACCOUNT_EXPIRED",
    cause: Some("nla.account-expired"),
    behaviour: Behaviour { sign_in: SignIn::Refuse(0xC000_0193), ..Behaviour::HEALTHY },
};
