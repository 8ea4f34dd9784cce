//! RFC 9110 7.8: who does not know an upgrade may refuse it.

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::{Front, Gateway};

pub(super) static FAULT: Fault = Fault {
    name: "healthy-gateway-fallback",
    summary: "is an RD Gateway behind a web proxy that refuses WebSocket",
    cause: None,
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway { front: Front::RefusedUpgrade(400), ..Gateway::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
