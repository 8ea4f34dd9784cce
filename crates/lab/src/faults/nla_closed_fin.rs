//! A server with no credentials configured, or one whose security service fails.

use crate::Fault;
use crate::behaviour::{Behaviour, Ending, Instead, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "nla-closed-fin",
    summary: "closes with FIN at the first sign-in message",
    cause: Some("nla.closed-without-answer"),
    behaviour: Behaviour {
        sign_in: SignIn::Instead(Instead::End(Ending::Fin)),
        ..Behaviour::HEALTHY
    },
};
