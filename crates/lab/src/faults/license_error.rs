//! Licensing error 4 (MS-RDPBCGR 2.2.1.12.1.3).

use crate::Fault;
use crate::behaviour::{Behaviour, LicenseAnswer, Outcome, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "license-error",
    summary: "ends licensing with error 4",
    cause: Some("license.error"),
    behaviour: Behaviour {
        sign_in: SignIn::Complete(Outcome::Accepted),
        license: LicenseAnswer::Error(4),
        ..Behaviour::HEALTHY
    },
};
