//! The upgrade is agreed and dead, and two channels are forbidden.

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::{Front, Gateway};

pub(super) static FAULT: Fault = Fault {
    name: "gateway-transport-blocked",
    summary: "is an RD Gateway behind something that lets no packet pass",
    cause: Some("gateway.transport-blocked"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway { front: Front::DeadUpgrade(403), ..Gateway::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
