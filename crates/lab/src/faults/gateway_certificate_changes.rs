//! A farm of which one member is not set up, or somebody who takes every second connection.

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::{Front, Gateway};

pub(super) static FAULT: Fault = Fault {
    name: "gateway-certificate-changes",
    summary: "is an RD Gateway whose second connection shows another certificate",
    cause: Some("gateway.certificate"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway {
            front: Front::Http,
            changes_certificate: true,
            ..Gateway::HEALTHY
        }),
        ..Behaviour::HEALTHY
    },
};
