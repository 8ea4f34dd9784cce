//! ERRINFO_SERVER_SHUTDOWN (MS-RDPBCGR 2.2.5.1.1).

use crate::Fault;
use crate::behaviour::{Behaviour, SessionAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "session-server-shutting-down",
    summary: "ends the session with ERRINFO_SERVER_SHUTDOWN",
    cause: Some("session.server-shutting-down"),
    behaviour: Behaviour { session: SessionAnswer::ErrorInfo(0x19), ..Behaviour::HEALTHY },
};
