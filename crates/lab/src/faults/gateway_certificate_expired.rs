//! A client refuses it.

use time::{Duration, OffsetDateTime};

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;
use crate::gateway::Gateway;

pub(super) static FAULT: Fault = Fault {
    name: "gateway-certificate-expired",
    summary: "is an RD Gateway whose certificate has expired",
    cause: Some("gateway.certificate"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| {
                certificate::from_authority_with(forge, &forge.names, |params| {
                    let now = OffsetDateTime::now_utc();
                    params.not_before = now - Duration::days(212);
                    params.not_after = now - Duration::days(30);
                })
            },
            ..Tls::HEALTHY
        },
        gateway: Some(&Gateway::HEALTHY),
        ..Behaviour::HEALTHY
    },
};
