//! Windows 7 and Server 2008 R2 sign the certificate they make for themselves with SHA-1.

use openssl::hash::MessageDigest;

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;

pub(super) static FAULT: Fault = Fault {
    name: "cert-weak-signature",
    summary: "has a self-signed certificate with a SHA-1 signature",
    cause: Some("tls.certificate-weak"),
    behaviour: Behaviour {
        tls: Tls {
            certificate: |forge| certificate::self_signed_weak(forge, 2048, MessageDigest::sha1()),
            security_level: 0,
            ..Tls::HEALTHY
        },
        ..Behaviour::HEALTHY
    },
};
