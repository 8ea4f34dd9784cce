//! ERRINFO_LICENSE_NO_REMOTE_CONNECTIONS (MS-RDPBCGR 2.2.5.1.1).

use crate::Fault;
use crate::behaviour::{Behaviour, LicenseAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "license-host-not-licensed",
    summary: "says that it may take no remote connections",
    cause: Some("license.host-not-licensed"),
    behaviour: Behaviour { license: LicenseAnswer::ErrorInfo(0x10A), ..Behaviour::HEALTHY },
};
