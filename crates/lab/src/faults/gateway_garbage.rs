//! A packet with an impossible length.

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::{Gateway, Reply};

pub(super) static FAULT: Fault = Fault {
    name: "gateway-garbage",
    summary: "is an RD Gateway that says what is no packet",
    cause: Some("gateway.error"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway { tunnel: Reply::Garbage, ..Gateway::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
