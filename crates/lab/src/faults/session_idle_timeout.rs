//! ERRINFO_IDLE_TIMEOUT (MS-RDPBCGR 2.2.5.1.1).

use crate::Fault;
use crate::behaviour::{Behaviour, SessionAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "session-idle-timeout",
    summary: "ends the session with ERRINFO_IDLE_TIMEOUT",
    cause: Some("session.idle-timeout"),
    behaviour: Behaviour { session: SessionAnswer::ErrorInfo(0x3), ..Behaviour::HEALTHY },
};
