//! The policy server answers once the user has agreed on a telephone.

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::{Gateway, Reply};

pub(super) static FAULT: Fault = Fault {
    name: "gateway-second-factor",
    summary: "is an RD Gateway that waits for a second factor",
    cause: Some("gateway.second-factor"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway { tunnel: Reply::Silence, ..Gateway::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
