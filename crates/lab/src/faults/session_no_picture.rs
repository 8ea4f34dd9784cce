//! The black screen.

use crate::Fault;
use crate::behaviour::{Behaviour, SessionAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "session-no-picture",
    summary: "sets the session up and paints nothing",
    cause: Some("session.no-picture"),
    behaviour: Behaviour { session: SessionAnswer::Unpainted, ..Behaviour::HEALTHY },
};
