//! ERRINFO_LOGOFF_BY_USER (MS-RDPBCGR 2.2.5.1.1).

use crate::Fault;
use crate::behaviour::{Behaviour, SessionAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "session-ended-by-user",
    summary: "ends the session with ERRINFO_LOGOFF_BY_USER",
    cause: Some("session.ended-by-user"),
    behaviour: Behaviour { session: SessionAnswer::ErrorInfo(0xC), ..Behaviour::HEALTHY },
};
