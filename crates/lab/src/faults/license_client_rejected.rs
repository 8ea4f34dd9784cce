//! Licensing error 8 (MS-RDPBCGR 2.2.1.12.1.3).

use ironrdp_pdu::rdp::server_license::LicenseErrorCode;

use crate::Fault;
use crate::behaviour::{Behaviour, LicenseAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "license-client-rejected",
    summary: "ends licensing with ERR_INVALID_CLIENT",
    cause: Some("license.client-rejected"),
    behaviour: Behaviour {
        license: LicenseAnswer::Error(LicenseErrorCode::InvalidClient),
        ..Behaviour::HEALTHY
    },
};
