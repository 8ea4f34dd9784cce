//! TLS, and no answer to the first request.

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::{Front, Gateway};

pub(super) static FAULT: Fault = Fault {
    name: "gateway-timeout",
    summary: "is an RD Gateway that says nothing",
    cause: Some("gateway.timeout"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway { front: Front::Silence, ..Gateway::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
