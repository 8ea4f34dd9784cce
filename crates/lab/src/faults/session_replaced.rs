//! ERRINFO_DISCONNECTED_BY_OTHERCONNECTION (MS-RDPBCGR 2.2.5.1.1).

use crate::Fault;
use crate::behaviour::{Behaviour, SessionAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "session-replaced",
    summary: "ends the session with ERRINFO_DISCONNECTED_BY_OTHERCONNECTION",
    cause: Some("session.replaced"),
    behaviour: Behaviour { session: SessionAnswer::ErrorInfo(0x5), ..Behaviour::HEALTHY },
};
