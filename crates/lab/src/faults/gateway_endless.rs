//! 20 MB of fields: what reads them all grows with them.

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::{Front, Gateway};

pub(super) static FAULT: Fault = Fault {
    name: "gateway-endless",
    summary: "begins an HTTP answer inside TLS that has no end",
    cause: Some("gateway.not-a-gateway"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway { front: Front::Endless, ..Gateway::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
