//! A licence server that cannot be reached.

use crate::Fault;
use crate::behaviour::{Behaviour, Instead, LicenseAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "license-timeout",
    summary: "is silent where licensing is due",
    cause: Some("license.timeout"),
    behaviour: Behaviour {
        license: LicenseAnswer::Instead(Instead::Silence),
        ..Behaviour::HEALTHY
    },
};
