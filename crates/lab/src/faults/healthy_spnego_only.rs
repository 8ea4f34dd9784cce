//! Windows answers in the client's own form; other servers wrap their challenge in SPNEGO (RFC 4178)
//! always.

use crate::Fault;
use crate::behaviour::{Behaviour, Challenge, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "healthy-spnego-only",
    summary: "answers inside SPNEGO whatever the client began with",
    cause: None,
    behaviour: Behaviour {
        sign_in: SignIn::Challenge(Challenge { always_spnego: true, ..Challenge::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
