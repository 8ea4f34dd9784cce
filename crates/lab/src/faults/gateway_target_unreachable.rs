//! HRESULT_CODE(E_PROXY_TS_CONNECTFAILED) (MS-TSGU 2.2.6.1).

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::{Gateway, Reply};

pub(super) static FAULT: Fault = Fault {
    name: "gateway-target-unreachable",
    summary: "is an RD Gateway that does not reach the host",
    cause: Some("gateway.target-unreachable"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway { channel: Reply::Code(0x59DD), ..Gateway::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
