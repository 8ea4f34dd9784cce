//! SEC_E_LOGON_DENIED (MS-TSGU 3.3.5.3.3).

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::{Gateway, Judgement};

pub(super) static FAULT: Fault = Fault {
    name: "gateway-auth-rejected-in-packets",
    summary: "is an RD Gateway that refuses NTLM inside its packets",
    cause: Some("gateway.auth-rejected"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway {
            offers: &["SSPI_NTLM"],
            judgement: Judgement::Nobody,
            ..Gateway::HEALTHY
        }),
        ..Behaviour::HEALTHY
    },
};
