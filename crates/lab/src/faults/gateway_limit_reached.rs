//! HRESULT_CODE(E_PROXY_MAXCONNECTIONSREACHED) (MS-TSGU 2.2.6.1).

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::{Gateway, Reply};

pub(super) static FAULT: Fault = Fault {
    name: "gateway-limit-reached",
    summary: "is an RD Gateway that has no more connections to give",
    cause: Some("gateway.limit-reached"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway { authorization: Reply::Code(0x59E6), ..Gateway::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
