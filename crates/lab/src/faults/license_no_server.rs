//! Licensing error 6 (MS-RDPBCGR 2.2.1.12.1.3).

use ironrdp_pdu::rdp::server_license::LicenseErrorCode;

use crate::Fault;
use crate::behaviour::{Behaviour, LicenseAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "license-no-server",
    summary: "ends licensing with ERR_NO_LICENSE_SERVER",
    cause: Some("license.no-server"),
    behaviour: Behaviour {
        license: LicenseAnswer::Error(LicenseErrorCode::NoLicenseServer),
        ..Behaviour::HEALTHY
    },
};
