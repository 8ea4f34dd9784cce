//! Servers other than Windows hang up on a wrong password.

use crate::Fault;
use crate::behaviour::{Behaviour, Ending, Instead, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "nla-closed-at-proof",
    summary: "hangs up on the proof of the password",
    cause: Some("nla.closed-without-answer"),
    behaviour: Behaviour {
        sign_in: SignIn::AtProof(Instead::End(Ending::Fin)),
        ..Behaviour::HEALTHY
    },
};
