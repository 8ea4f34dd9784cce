//! The list is served on loopback; it is signed by the lab's authority and lists nobody.

use crate::Fault;
use crate::behaviour::{Behaviour, Revocation, Tls};
use crate::certificate;

pub(super) static FAULT: Fault = Fault {
    name: "healthy-revocation-list",
    summary: "has a certificate of the lab's authority, whose revocation list is there and empty",
    cause: None,
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::from_authority(forge, &forge.names),
            revocation: Revocation::Empty,
            ..Tls::HEALTHY
        },
        ..Behaviour::HEALTHY
    },
};
