//! A host under load, or a long way off: slow, and in order.

use crate::Fault;
use crate::behaviour::{Behaviour, Pace};

pub(super) static FAULT: Fault = Fault {
    name: "healthy-slow",
    summary: "gives each answer a second and a half late",
    cause: None,
    behaviour: Behaviour { pace: Pace::Slow, ..Behaviour::HEALTHY },
};
