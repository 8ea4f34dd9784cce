//! A host that waits for a domain controller in vain.

use crate::Fault;
use crate::behaviour::{Behaviour, Instead, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "nla-silent",
    summary: "never answers the first sign-in message",
    cause: Some("nla.timeout"),
    behaviour: Behaviour { sign_in: SignIn::Instead(Instead::Silence), ..Behaviour::HEALTHY },
};
