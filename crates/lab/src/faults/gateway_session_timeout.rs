//! HRESULT_CODE(E_PROXY_SESSIONTIMEOUT) in the middle of the host's first answer.

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::{Gateway, Reply};

pub(super) static FAULT: Fault = Fault {
    name: "gateway-session-timeout",
    summary: "is an RD Gateway that ends the channel by its session timeout",
    cause: Some("gateway.timeout"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway { ending: Reply::Code(0x59F6), ..Gateway::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
