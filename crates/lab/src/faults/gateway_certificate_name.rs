//! A client refuses it.

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::Gateway;

pub(super) static FAULT: Fault = Fault {
    name: "gateway-certificate-name",
    summary: "is an RD Gateway whose certificate has another name",
    cause: Some("gateway.certificate"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| {
                certificate::from_authority(forge, &["other.lab.example".to_owned()])
            },
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway::HEALTHY),
        ..Behaviour::HEALTHY
    },
};
