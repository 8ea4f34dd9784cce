//! As `nla-closed-fin`, by a reset.

use crate::Fault;
use crate::behaviour::{Behaviour, Ending, Instead, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "nla-closed-rst",
    summary: "closes with RST at the first sign-in message",
    cause: Some("nla.closed-without-answer"),
    behaviour: Behaviour {
        sign_in: SignIn::Instead(Instead::End(Ending::Reset)),
        ..Behaviour::HEALTHY
    },
};
