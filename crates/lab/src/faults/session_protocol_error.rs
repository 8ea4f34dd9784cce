//! A Demand Active PDU that ends too early.

use crate::Fault;
use crate::behaviour::{Behaviour, SessionAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "session-protocol-error",
    summary: "sends a broken PDU",
    cause: Some("session.protocol-error"),
    behaviour: Behaviour { session: SessionAnswer::Garbage, ..Behaviour::HEALTHY },
};
