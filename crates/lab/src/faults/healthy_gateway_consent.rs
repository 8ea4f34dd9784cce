//! HTTP_TUNNEL_RESPONSE_FIELD_CONSENT_MSG (MS-TSGU 2.2.10.21).

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::Gateway;

pub(super) static FAULT: Fault = Fault {
    name: "healthy-gateway-consent",
    summary: "is an RD Gateway with words that everybody has to agree to",
    cause: None,
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway {
            consent: Some("Only for members of the lab. Agreed?"),
            ..Gateway::HEALTHY
        }),
        ..Behaviour::HEALTHY
    },
};
