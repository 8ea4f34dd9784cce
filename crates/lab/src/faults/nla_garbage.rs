//! The bytes come inside TLS, so it is the server itself that says them.

use crate::Fault;
use crate::behaviour::{Behaviour, Instead, SignIn, Then};

pub(super) static FAULT: Fault = Fault {
    name: "nla-garbage",
    summary: "answers the first sign-in message with bytes that are no TSRequest",
    cause: Some("nla.malformed"),
    behaviour: Behaviour {
        sign_in: SignIn::Instead(Instead::Say(
            b"\x00\x01\x02\x03 no request of any kind",
            Then::Silence,
        )),
        ..Behaviour::HEALTHY
    },
};
