//! Rare in the wild: a host on which an administrator switched TLS 1.2 off.

use openssl::ssl::SslVersion;

use crate::Fault;
use crate::behaviour::{Behaviour, Tls};

pub(super) static FAULT: Fault = Fault {
    name: "tls-version-1-1",
    summary: "speaks no TLS newer than 1.1",
    cause: Some("tls.version-outdated"),
    behaviour: Behaviour {
        tls: Tls {
            oldest: SslVersion::TLS1_1,
            newest: SslVersion::TLS1_1,
            security_level: 0,
            ..Tls::HEALTHY
        },
        ..Behaviour::HEALTHY
    },
};
