//! Licensing error 2 (MS-RDPBCGR 2.2.1.12.1.3).

use crate::Fault;
use crate::behaviour::{Behaviour, LicenseAnswer, Outcome, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "license-no-license",
    summary: "ends licensing with error 2",
    cause: Some("license.no-license"),
    behaviour: Behaviour {
        sign_in: SignIn::Complete(Outcome::Accepted),
        license: LicenseAnswer::Error(2),
        ..Behaviour::HEALTHY
    },
};
