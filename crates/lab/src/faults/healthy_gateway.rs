//! The gateway that the other ones deviate from.

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::Gateway;

pub(super) static FAULT: Fault = Fault {
    name: "healthy-gateway",
    summary: "is an RD Gateway with WebSocket and NTLM",
    cause: None,
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway::HEALTHY),
        ..Behaviour::HEALTHY
    },
};
