//! Certificates from a company's authority may have such keys; key exchange with RSA is then impossible.

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};
use crate::certificate;

pub(super) static FAULT: Fault = Fault {
    name: "healthy-ec-certificate",
    summary: "has a certificate with an elliptic curve's key (P-256)",
    cause: None,
    behaviour: Behaviour {
        tls: Tls { certificate: certificate::self_signed_ec, ..Tls::HEALTHY },
        ..Behaviour::HEALTHY
    },
};
