//! ERRINFO_SERVER_DWM_CRASH (MS-RDPBCGR 2.2.5.1.1).

use crate::Fault;
use crate::behaviour::{Behaviour, SessionAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "session-server-failed",
    summary: "ends the session with ERRINFO_SERVER_DWM_CRASH",
    cause: Some("session.server-failed"),
    behaviour: Behaviour { session: SessionAnswer::ErrorInfo(0x10), ..Behaviour::HEALTHY },
};
