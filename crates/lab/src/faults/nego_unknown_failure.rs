//! Failure codes end at 7; 42 tells a client nothing, and it must not be taken for another.

use crate::Fault;
use crate::behaviour::{Answer, Behaviour};

pub(super) static FAULT: Fault = Fault {
    name: "nego-unknown-failure",
    summary: "refuses with a failure code that nobody has defined",
    cause: Some("nego.malformed-response"),
    behaviour: Behaviour { negotiation: |_| Answer::Failure(42), ..Behaviour::HEALTHY },
};
