//! HTTP_SERVICE_MESSAGE (MS-TSGU 2.2.10.13), more often than anybody wants to read it.

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::{Gateway, Reply};

pub(super) static FAULT: Fault = Fault {
    name: "gateway-chatter",
    summary: "is an RD Gateway that tells a thousand times to look at the telephone",
    cause: Some("gateway.second-factor"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway { tunnel: Reply::Chatter, ..Gateway::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
