//! Something else that listens on the port with TLS.

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::{Front, Gateway};

pub(super) static FAULT: Fault = Fault {
    name: "gateway-foreign",
    summary: "speaks no HTTP inside TLS",
    cause: Some("gateway.not-a-gateway"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway { front: Front::Garbage, ..Gateway::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
