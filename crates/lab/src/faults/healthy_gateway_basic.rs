//! RFC 7617.

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::Gateway;

pub(super) static FAULT: Fault = Fault {
    name: "healthy-gateway-basic",
    summary: "is an RD Gateway that takes nothing but Basic",
    cause: None,
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway { offers: &["Basic realm=\"gateway\""], ..Gateway::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
