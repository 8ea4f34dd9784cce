//! Licensing error 8 (MS-RDPBCGR 2.2.1.12.1.3).

use crate::Fault;
use crate::behaviour::{Behaviour, LicenseAnswer, Outcome, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "license-client-rejected",
    summary: "ends licensing with error 8",
    cause: Some("license.client-rejected"),
    behaviour: Behaviour {
        sign_in: SignIn::Complete(Outcome::Accepted),
        license: LicenseAnswer::Error(8),
        ..Behaviour::HEALTHY
    },
};
