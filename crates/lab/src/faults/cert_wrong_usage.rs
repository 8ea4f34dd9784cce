//! A user's or computer's certificate from the wrong template, bound to the listener.

use rcgen::ExtendedKeyUsagePurpose;

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;

pub(super) static FAULT: Fault = Fault {
    name: "cert-wrong-usage",
    summary: "has a certificate for client authentication only",
    cause: Some("tls.certificate-wrong-usage"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| {
                certificate::self_signed_with(forge, |params| {
                    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
                })
            },
            ..Tls::HEALTHY
        },
        ..Behaviour::HEALTHY
    },
};
