//! The domain controller does not answer.

use crate::Fault;
use crate::behaviour::{Behaviour, Instead, Verdict};

pub(super) static FAULT: Fault = Fault {
    name: "nla-silent-at-proof",
    summary: "never answers the proof of the password",
    cause: Some("nla.timeout"),
    behaviour: Behaviour { verdict: Verdict::Instead(Instead::Silence), ..Behaviour::HEALTHY },
};
