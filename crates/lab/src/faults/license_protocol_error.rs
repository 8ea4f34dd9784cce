//! A licensing message that says it is longer than it is.

use crate::Fault;
use crate::behaviour::{Behaviour, LicenseAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "license-protocol-error",
    summary: "sends a broken licensing message",
    cause: Some("license.protocol-error"),
    behaviour: Behaviour { license: LicenseAnswer::Garbage, ..Behaviour::HEALTHY },
};
