//! Licensing error 2 (MS-RDPBCGR 2.2.1.12.1.3).

use ironrdp_pdu::rdp::server_license::LicenseErrorCode;

use crate::Fault;
use crate::behaviour::{Behaviour, LicenseAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "license-no-license",
    summary: "ends licensing with ERR_NO_LICENSE",
    cause: Some("license.no-license"),
    behaviour: Behaviour {
        license: LicenseAnswer::Error(LicenseErrorCode::NoLicense),
        ..Behaviour::HEALTHY
    },
};
