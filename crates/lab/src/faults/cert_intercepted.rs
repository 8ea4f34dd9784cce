//! A proxy that opens TLS puts its own certificate in place of the host's.

use rcgen::DnType;

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;

pub(super) static FAULT: Fault = Fault {
    name: "cert-intercepted",
    summary: "has a certificate issued by a TLS inspector's authority",
    cause: Some("tls.intercepted"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| {
                let issuer = [
                    (DnType::CountryName, "US"),
                    (DnType::OrganizationName, "Zscaler Inc."),
                    (DnType::OrganizationalUnitName, "Zscaler Inc."),
                    (DnType::CommonName, "Zscaler Intermediate Root CA (zscaler.net)"),
                ];
                certificate::from_stranger(forge, &issuer, true)
            },
            ..Tls::HEALTHY
        },
        ..Behaviour::HEALTHY
    },
};
