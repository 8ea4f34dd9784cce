//! A licensing message that says it is longer than it is.

use crate::Fault;
use crate::behaviour::{Behaviour, LicenseAnswer, Outcome, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "license-protocol-error",
    summary: "sends a broken licensing message",
    cause: Some("license.protocol-error"),
    behaviour: Behaviour {
        sign_in: SignIn::Complete(Outcome::Accepted),
        license: LicenseAnswer::Garbage,
        ..Behaviour::HEALTHY
    },
};
