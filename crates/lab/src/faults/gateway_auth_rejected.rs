//! HTTP status 401 behind the right password.

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::{Gateway, Judgement};

pub(super) static FAULT: Fault = Fault {
    name: "gateway-auth-rejected",
    summary: "is an RD Gateway that takes no password",
    cause: Some("gateway.auth-rejected"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway { judgement: Judgement::Nobody, ..Gateway::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
