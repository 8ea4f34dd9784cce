//! TCP promises nothing about where segments end; whoever reads must not care.

use crate::Fault;
use crate::behaviour::{Behaviour, Pace};

pub(super) static FAULT: Fault = Fault {
    name: "healthy-dripping",
    summary: "sends every byte in a segment of its own",
    cause: None,
    behaviour: Behaviour { pace: Pace::Dripping, ..Behaviour::HEALTHY },
};
