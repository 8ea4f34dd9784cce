//! Windows Server 2012 (MS-TSGU 3.3.5.1): the upgrade is passed over.

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::{Front, Gateway};

pub(super) static FAULT: Fault = Fault {
    name: "healthy-gateway-http",
    summary: "is an RD Gateway that knows two HTTP channels only",
    cause: None,
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway { front: Front::Http, ..Gateway::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
