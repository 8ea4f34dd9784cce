//! Servers built on OpenSSL take their leave in TLS before they close (RFC 8446 section 6.1).

use crate::Fault;
use crate::behaviour::{Behaviour, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "nla-alert",
    summary: "answers the first sign-in message with the TLS alert close_notify",
    cause: Some("nla.closed-without-answer"),
    behaviour: Behaviour { sign_in: SignIn::CloseNotify, ..Behaviour::HEALTHY },
};
