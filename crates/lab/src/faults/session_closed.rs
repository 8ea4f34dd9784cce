//! A driver or filter that ends the session without a word.

use crate::Fault;
use crate::behaviour::{Behaviour, Ending, Instead, SessionAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "session-closed",
    summary: "hangs up after the licence",
    cause: Some("session.closed"),
    behaviour: Behaviour {
        session: SessionAnswer::Instead(Instead::End(Ending::Fin)),
        ..Behaviour::HEALTHY
    },
};
