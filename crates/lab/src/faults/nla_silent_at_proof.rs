//! A domain controller that does not answer.

use crate::Fault;
use crate::behaviour::{Behaviour, Instead, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "nla-silent-at-proof",
    summary: "is silent after the proof of the password",
    cause: Some("nla.timeout"),
    behaviour: Behaviour { sign_in: SignIn::AtProof(Instead::Silence), ..Behaviour::HEALTHY },
};
