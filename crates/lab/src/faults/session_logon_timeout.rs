//! ERRINFO_LOGON_TIMEOUT (MS-RDPBCGR 2.2.5.1.1).

use crate::Fault;
use crate::behaviour::{Behaviour, SessionAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "session-logon-timeout",
    summary: "ends the session with ERRINFO_LOGON_TIMEOUT",
    cause: Some("session.logon-timeout"),
    behaviour: Behaviour { session: SessionAnswer::ErrorInfo(0x4), ..Behaviour::HEALTHY },
};
