//! A bastion that passes on what the machine behind it says to its own offer: ERRINFO_ENCPKGMISMATCH
//! (MS-RDPBCGR 2.2.5.1.1), which has no place inside TLS.

use super::bastion_backend_refused::BASTION;
use crate::Fault;
use crate::behaviour::{Behaviour, SessionAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "bastion-backend-security",
    summary: "has a bastion's certificate and says that there is no common encryption",
    cause: Some("pam.backend-security-mismatch"),
    behaviour: Behaviour { session: SessionAnswer::ErrorInfo(0x1194), ..BASTION },
};
