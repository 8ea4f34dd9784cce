//! A company's own authority whose root certificate this client has not got.

use rcgen::DnType;

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;

pub(super) static FAULT: Fault = Fault {
    name: "cert-unknown-ca",
    summary: "has a certificate for the right names from an authority nobody trusts",
    cause: Some("tls.certificate-untrusted"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| {
                let issuer = [(DnType::CommonName, "Issuing authority of some company")];
                certificate::from_stranger(forge, &issuer, false)
            },
            ..Tls::HEALTHY
        },
        ..Behaviour::HEALTHY
    },
};
