//! ERRINFO_OUT_OF_MEMORY (MS-RDPBCGR 2.2.5.1.1).

use crate::Fault;
use crate::behaviour::{Behaviour, SessionAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "session-out-of-memory",
    summary: "ends the session with ERRINFO_OUT_OF_MEMORY",
    cause: Some("session.out-of-memory"),
    behaviour: Behaviour { session: SessionAnswer::Refused(0x6), ..Behaviour::HEALTHY },
};
