//! HTTP status 503 (RFC 9110 15.6.4).

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::{Front, Gateway};

pub(super) static FAULT: Fault = Fault {
    name: "gateway-unavailable",
    summary: "is an RD Gateway whose service is stopped behind its web server",
    cause: Some("gateway.unreachable"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway { front: Front::Status(503), ..Gateway::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
