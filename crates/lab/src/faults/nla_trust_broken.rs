//! errorCode 0xC000018D (MS-ERREF 2.3.1): the computer's password in its domain does not fit.

use crate::Fault;
use crate::behaviour::{Behaviour, Verdict};

pub(super) static FAULT: Fault = Fault {
    name: "nla-trust-broken",
    summary: "answers the right password with STATUS_TRUSTED_RELATIONSHIP_FAILURE",
    cause: Some("nla.trust-broken"),
    behaviour: Behaviour { verdict: Verdict::Status(0xC000_018D), ..Behaviour::HEALTHY },
};
