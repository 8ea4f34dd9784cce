//! ERRINFO_SERVER_DENIED_CONNECTION (MS-RDPBCGR 2.2.5.1.1).

use crate::Fault;
use crate::behaviour::{Behaviour, SessionAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "session-denied-by-server",
    summary: "ends the session with ERRINFO_SERVER_DENIED_CONNECTION",
    cause: Some("session.denied-by-server"),
    behaviour: Behaviour { session: SessionAnswer::Refused(0x7), ..Behaviour::HEALTHY },
};
