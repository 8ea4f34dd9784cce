//! A session that hangs.

use crate::Fault;
use crate::behaviour::{Behaviour, Instead, SessionAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "session-stuck",
    summary: "is silent after the licence",
    cause: Some("session.stuck"),
    behaviour: Behaviour {
        session: SessionAnswer::Instead(Instead::Silence),
        ..Behaviour::HEALTHY
    },
};
