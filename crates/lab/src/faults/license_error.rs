//! Licensing error 4 (MS-RDPBCGR 2.2.1.12.1.3).

use ironrdp_pdu::rdp::server_license::LicenseErrorCode;

use crate::Fault;
use crate::behaviour::{Behaviour, LicenseAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "license-error",
    summary: "ends licensing with ERR_INVALID_SCOPE",
    cause: Some("license.error"),
    behaviour: Behaviour {
        license: LicenseAnswer::Error(LicenseErrorCode::InvalidScope),
        ..Behaviour::HEALTHY
    },
};
