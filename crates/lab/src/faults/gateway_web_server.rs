//! HTTP status 404 for whatever is asked.

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::{Front, Gateway};

pub(super) static FAULT: Fault = Fault {
    name: "gateway-web-server",
    summary: "is a web server that knows no RD Gateway",
    cause: Some("gateway.not-a-gateway"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway { front: Front::Status(404), ..Gateway::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
