//! STATUS_TRUSTED_RELATIONSHIP_FAILURE in answer to the proof of the password (MS-CSSP 2.2.1, MS-ERREF 2.3.1).

use crate::Fault;
use crate::behaviour::{Behaviour, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "nla-trust-broken",
    summary: "answers the proof of the password with STATUS_TRUSTED_RELATIONSHIP_FAILURE",
    cause: Some("nla.trust-broken"),
    behaviour: Behaviour { sign_in: SignIn::Refuse(0xC000_018D), ..Behaviour::HEALTHY },
};
