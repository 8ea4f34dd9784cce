//! Windows Server 2008 R2, or a reverse proxy that passes nothing else on.

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::{Front, Gateway};

pub(super) static FAULT: Fault = Fault {
    name: "gateway-rpc-only",
    summary: "is an RD Gateway that takes RPC over HTTP only",
    cause: Some("gateway.transport-blocked"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway { front: Front::Status(404), rpc: 401, ..Gateway::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
