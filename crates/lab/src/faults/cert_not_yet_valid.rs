//! Made while the host's clock was ahead.

use time::{Duration, OffsetDateTime};

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;

pub(super) static FAULT: Fault = Fault {
    name: "cert-not-yet-valid",
    summary: "has a self-signed certificate that is valid from the day after tomorrow",
    cause: Some("tls.certificate-not-yet-valid"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| {
                certificate::self_signed_with(forge, |params| {
                    let now = OffsetDateTime::now_utc();
                    params.not_before = now + Duration::days(2);
                    params.not_after = now + Duration::days(184);
                })
            },
            ..Tls::HEALTHY
        },
        ..Behaviour::HEALTHY
    },
};
