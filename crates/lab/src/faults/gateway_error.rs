//! E_PROXY_INTERNALERROR (MS-TSGU 2.2.6.1).

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::{Gateway, Reply};

pub(super) static FAULT: Fault = Fault {
    name: "gateway-error",
    summary: "is an RD Gateway that fails by itself",
    cause: Some("gateway.error"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway { tunnel: Reply::Code(0x8007_59D8), ..Gateway::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
