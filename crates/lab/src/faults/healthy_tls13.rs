//! A host whose administrator switched TLS 1.2 off.

use openssl::ssl::SslVersion;

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};

pub(super) static FAULT: Fault = Fault {
    name: "healthy-tls13",
    summary: "speaks TLS 1.3 only",
    cause: None,
    behaviour: Behaviour {
        tls: Tls { oldest: SslVersion::TLS1_3, ..Tls::HEALTHY },
        ..Behaviour::HEALTHY
    },
};
