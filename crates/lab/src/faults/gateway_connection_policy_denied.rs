//! E_PROXY_NAP_ACCESSDENIED (MS-TSGU 2.2.6.1).

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::{Gateway, Reply};

pub(super) static FAULT: Fault = Fault {
    name: "gateway-connection-policy-denied",
    summary: "is an RD Gateway whose connection policy refuses",
    cause: Some("gateway.connection-policy-denied"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway { authorization: Reply::Code(0x8007_59DB), ..Gateway::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
