//! The certificate names a port on loopback where nobody listens.

use crate::Fault;
use crate::behaviour::{Behaviour, Revocation, Tls};
use crate::certificate;

pub(super) static FAULT: Fault = Fault {
    name: "cert-revocation-unreachable",
    summary: "has a certificate of the lab's authority whose revocation list cannot be fetched",
    cause: Some("tls.revocation-unreachable"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            revocation: Revocation::Unreachable,
            ..Tls::HEALTHY
        },
        ..Behaviour::HEALTHY
    },
};
