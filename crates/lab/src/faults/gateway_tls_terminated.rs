//! The certificate is an inspector's, and the gateway binds NTLM to its own TLS (RFC 5929 4).

use rcgen::DnType;

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::{Gateway, Judgement};

pub(super) static FAULT: Fault = Fault {
    name: "gateway-tls-terminated",
    summary: "is an RD Gateway behind something that ends the encryption",
    cause: Some("gateway.tls-terminated"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| {
                let issuer = [
                    (DnType::CountryName, "US"),
                    (DnType::OrganizationName, "Zscaler Inc."),
                    (DnType::CommonName, "Zscaler Intermediate Root CA (zscaler.net)"),
                ];
                certificate::from_stranger(forge, &issuer, true)
            },
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway { judgement: Judgement::OtherChannel, ..Gateway::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
