//! The list is served over HTTP on loopback, where the certificate says.

use crate::Fault;
use crate::behaviour::{Behaviour, Revocation, Tls};
use crate::certificate;

pub(super) static FAULT: Fault = Fault {
    name: "cert-revoked",
    summary: "has a certificate of the lab's authority that its revocation list names",
    cause: Some("tls.certificate-revoked"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            revocation: Revocation::Revoked,
            ..Tls::HEALTHY
        },
        ..Behaviour::HEALTHY
    },
};
