//! STATUS_ACCOUNT_RESTRICTION in answer to the proof of the password (MS-CSSP 2.2.1, MS-ERREF 2.3.1).

use crate::Fault;
use crate::behaviour::{Behaviour, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "nla-account-restriction",
    summary: "answers the proof of the password with STATUS_ACCOUNT_RESTRICTION",
    cause: Some("nla.account-restriction"),
    behaviour: Behaviour { sign_in: SignIn::Refuse(0xC000_006E), ..Behaviour::HEALTHY },
};
