//! a status that no table has in answer to the proof of the password (MS-CSSP 2.2.1, MS-ERREF 2.3.1).

use crate::Fault;
use crate::behaviour::{Behaviour, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "nla-unknown-status",
    summary: "answers the proof of the password with a status that no table has",
    cause: Some("nla.refused"),
    behaviour: Behaviour { sign_in: SignIn::Refuse(0xC000_0999), ..Behaviour::HEALTHY },
};
