//! ERRINFO_RPC_INITIATED_DISCONNECT (MS-RDPBCGR 2.2.5.1.1).

use crate::Fault;
use crate::behaviour::{Behaviour, SessionAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "session-ended-by-administrator",
    summary: "ends the session with ERRINFO_RPC_INITIATED_DISCONNECT",
    cause: Some("session.ended-by-administrator"),
    behaviour: Behaviour { session: SessionAnswer::ErrorInfo(0x1), ..Behaviour::HEALTHY },
};
