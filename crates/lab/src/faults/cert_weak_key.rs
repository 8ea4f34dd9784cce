//! Servers of the years before 2008, and devices that never renewed theirs.

use openssl::hash::MessageDigest;

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;

pub(super) static FAULT: Fault = Fault {
    name: "cert-weak-key",
    summary: "has a self-signed certificate with an RSA key of 1024 bits",
    cause: Some("tls.certificate-weak"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| {
                certificate::self_signed_weak(forge, 1024, MessageDigest::sha256())
            },
            security_level: 0,
            ..Tls::HEALTHY
        },
        ..Behaviour::HEALTHY
    },
};
