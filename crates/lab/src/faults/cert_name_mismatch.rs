//! The host was renamed, or is reached by an alias that its certificate does not have.

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;

pub(super) static FAULT: Fault = Fault {
    name: "cert-name-mismatch",
    summary: "has a certificate of the lab's authority for another name",
    cause: Some("tls.certificate-name-mismatch"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| {
                certificate::from_authority(forge, &["other.lab.example".to_owned()])
            },
            ..Tls::HEALTHY
        },
        ..Behaviour::HEALTHY
    },
};
