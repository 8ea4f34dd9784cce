//! E_PROXY_RAP_ACCESSDENIED (MS-TSGU 2.2.6.1).

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::{Gateway, Reply};

pub(super) static FAULT: Fault = Fault {
    name: "gateway-resource-policy-denied",
    summary: "is an RD Gateway whose resource policy refuses",
    cause: Some("gateway.resource-policy-denied"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway { channel: Reply::Code(0x8007_59DA), ..Gateway::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
