//! ERRINFO_CB_DESTINATION_NOT_FOUND (MS-RDPBCGR 2.2.5.1.1).

use crate::Fault;
use crate::behaviour::{Behaviour, SessionAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "session-broker-redirect-failed",
    summary: "ends the session with ERRINFO_CB_DESTINATION_NOT_FOUND",
    cause: Some("session.broker-redirect-failed"),
    behaviour: Behaviour { session: SessionAnswer::Refused(0x400), ..Behaviour::HEALTHY },
};
