//! The kernel accepts while the service hangs; a load balancer or port forward whose back end is dead
//! looks the same.

use crate::Fault;
use crate::behaviour::{Behaviour, Instead, Opening};

pub(super) static FAULT: Fault = Fault {
    name: "net-silent-listener",
    summary: "accepts the connection and never says a word",
    cause: Some("net.silent-listener"),
    behaviour: Behaviour { opening: Opening::Instead(Instead::Silence), ..Behaviour::HEALTHY },
};
