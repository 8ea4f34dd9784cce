//! HRESULT_CODE(E_PROXY_NOTSUPPORTED), or any code at any step.

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::{Gateway, Reply};

pub(super) static FAULT: Fault = Fault {
    name: "gateway-code",
    summary: "is an RD Gateway that answers as it is told (--gateway-code)",
    cause: Some("gateway.error"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway { tunnel: Reply::Code(0x59E8), ..Gateway::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
