//! ERRINFO_SERVER_FRESH_CREDENTIALS_REQUIRED (MS-RDPBCGR 2.2.5.1.1).

use crate::Fault;
use crate::behaviour::{Behaviour, SessionAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "session-fresh-credentials-required",
    summary: "ends the session with ERRINFO_SERVER_FRESH_CREDENTIALS_REQUIRED",
    cause: Some("session.fresh-credentials-required"),
    behaviour: Behaviour { session: SessionAnswer::Refused(0xA), ..Behaviour::HEALTHY },
};
