//! Windows renews the certificate it made for itself; where the key cannot be written, the old one stays.

use time::{Duration, OffsetDateTime};

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;

pub(super) static FAULT: Fault = Fault {
    name: "cert-expired",
    summary: "has a self-signed certificate that expired a month ago",
    cause: Some("tls.certificate-expired"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| {
                certificate::self_signed_with(forge, |params| {
                    let now = OffsetDateTime::now_utc();
                    params.not_before = now - Duration::days(212);
                    params.not_after = now - Duration::days(30);
                })
            },
            ..Tls::HEALTHY
        },
        ..Behaviour::HEALTHY
    },
};
