//! Nobody issued it.

use crate::Fault;
use crate::behaviour::Behaviour;
use crate::gateway::Gateway;

pub(super) static FAULT: Fault = Fault {
    name: "gateway-certificate-self-signed",
    summary: "is an RD Gateway with a certificate of its own making",
    cause: Some("gateway.certificate"),
    behaviour: Behaviour { gateway: Some(&Gateway::HEALTHY), ..Behaviour::HEALTHY },
};
