//! Kerberos allows five minutes (RFC 4120 section 1.6).

use crate::Fault;
use crate::behaviour::{Behaviour, Challenge, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "nla-clock-skew",
    summary: "tells a time in its NTLM challenge that is two hours back",
    cause: Some("nla.clock-skew"),
    behaviour: Behaviour {
        sign_in: SignIn::Challenge(Challenge { clock_ahead: -7200, ..Challenge::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
