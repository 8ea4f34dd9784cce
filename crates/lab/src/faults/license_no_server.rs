//! Licensing error 6 (MS-RDPBCGR 2.2.1.12.1.3).

use crate::Fault;
use crate::behaviour::{Behaviour, LicenseAnswer, Outcome, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "license-no-server",
    summary: "ends licensing with error 6",
    cause: Some("license.no-server"),
    behaviour: Behaviour {
        sign_in: SignIn::Complete(Outcome::Accepted),
        license: LicenseAnswer::Error(6),
        ..Behaviour::HEALTHY
    },
};
