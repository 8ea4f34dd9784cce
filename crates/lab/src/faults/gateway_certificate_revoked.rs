//! A client refuses it.

use crate::Fault;
use crate::behaviour::{Behaviour, Revocation, Tls};
use crate::certificate;
use crate::gateway::Gateway;

pub(super) static FAULT: Fault = Fault {
    name: "gateway-certificate-revoked",
    summary: "is an RD Gateway whose certificate was revoked",
    cause: Some("gateway.certificate"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            revocation: Revocation::Revoked,
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway::HEALTHY),
        ..Behaviour::HEALTHY
    },
};
