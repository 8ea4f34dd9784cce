//! The same as `net-closed-on-accept-fin` by a reset: a load balancer without a live back end does that.

use crate::Fault;
use crate::behaviour::{Behaviour, Ending, Instead, Opening};

pub(super) static FAULT: Fault = Fault {
    name: "net-closed-on-accept-rst",
    summary: "accepts and closes at once with RST",
    cause: Some("net.closed-on-accept"),
    behaviour: Behaviour {
        opening: Opening::Instead(Instead::End(Ending::Reset)),
        ..Behaviour::HEALTHY
    },
};
