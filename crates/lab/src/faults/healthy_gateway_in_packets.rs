//! MS-TSGU 3.3.5.3.

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::Gateway;

pub(super) static FAULT: Fault = Fault {
    name: "healthy-gateway-in-packets",
    summary: "is an RD Gateway that takes NTLM inside its packets only",
    cause: None,
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway { offers: &["SSPI_NTLM"], ..Gateway::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
