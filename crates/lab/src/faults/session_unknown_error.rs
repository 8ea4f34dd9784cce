//! an error that no table has (MS-RDPBCGR 2.2.5.1.1).

use crate::Fault;
use crate::behaviour::{Behaviour, SessionAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "session-unknown-error",
    summary: "ends the session with an error that no table has",
    cause: Some("session.error"),
    behaviour: Behaviour { session: SessionAnswer::ErrorInfo(0xABCD), ..Behaviour::HEALTHY },
};
